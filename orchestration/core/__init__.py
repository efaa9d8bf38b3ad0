"""Pure rules and values: no framework, no clock, no file. Everybody may import this; it imports nobody."""
