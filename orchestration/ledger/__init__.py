"""The ledger: what people and the engine decided, append-only, and what follows from it.

What belongs here: the chained events, their projections (accounts, tickets), signed heads, the
verifier. What does not: DuckDB (`orchestration.warehouse`; neither imports the other) and pure
decisions (`orchestration.core`). What stands above both may import this.
"""
