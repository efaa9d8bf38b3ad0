"""Alerts: who hears of what, when, grouped by what, in which words.

What belongs here: rules as pure functions over facts that are passed in. What does not: keeping
alerts (`orchestration.ledger.alerts`) and sending them (`orchestration.connectors.alerts`). Anyone
may import this; it imports no framework and reads no clock.
"""
