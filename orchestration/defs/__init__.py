"""Dagster definitions, thin: each asset calls one function elsewhere.

Only the command line and `orchestration.definitions` import this.
"""
