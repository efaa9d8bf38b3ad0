"""Delivering artifacts, as far as it is pure: answers, waits, breaker, limiter, differences.

What belongs here: decisions over values, with the moment passed in. What does not: where state is
kept (`orchestration.ledger.outbox`) and calling anybody (`orchestration.connectors.targets`).
Anyone may import this.
"""
