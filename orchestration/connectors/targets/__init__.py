"""Writing to downstream systems: one class a protocol, one policy row a system.

What belongs here: calling receivers and reading their answers, the loop that does so, comparing
what they hold. What does not: what may be sent and when (`orchestration.ledger.outbox*`). The
command line, `orchestration.delivery` and defs import this.
"""
