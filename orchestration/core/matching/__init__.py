"""Matching without a key: which members belong together by amount, date and text. Pure and exact.

What belongs here: the solver and its parts. What does not: where members come from and where the
outcome goes (`orchestration.warehouse.assignments`). Anyone may import this.
"""
