"""The allowed steps of tickets, from the operating model.

What belongs here: reading `transitions.csv`. What does not: what the steps mean
(`orchestration.core.tickets`). Whoever may import the ledger may import this.
"""

import csv
from pathlib import Path

from orchestration.core.tickets import TicketRules


def load_ticket_rules(seeds: Path) -> TicketRules:
    """Return which state of a ticket may follow which; `tests/dbt/test_taxonomy.py` checks them."""
    path = seeds / "taxonomy" / "transitions.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return TicketRules.of(csv.DictReader(file))
