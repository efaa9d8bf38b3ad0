"""Pure rules and values: no framework, no clock, no file.

What belongs here: what can be said without knowing where data lies. What does not: anything that
reads or writes. Everybody may import this; it imports nobody.
"""
