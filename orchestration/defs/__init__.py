"""Dagster definitions, thin: each asset calls one function elsewhere. Only cli and definitions import this."""
