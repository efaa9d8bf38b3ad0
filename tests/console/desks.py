"""A console over a ledger with tickets and people, as tests of steps and histories use it.

What belongs here: filling the ledger. What does not: tests. Only tests import this.
"""

from collections.abc import Collection
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from orchestration.connectors.operating_model import load_operating_model
from orchestration.ledger.people import Person, take_over
from orchestration.ledger.store import open_ledger
from orchestration.ledger.taxonomy import load_ticket_rules
from orchestration.ledger.ticket_sync import EngineRun, sync_tickets
from tests.console.people import PERSONS, Console, open_console
from tests.ledger.acting import ENGINE

NOW = datetime(2026, 6, 10, tzinfo=UTC)
ROLES = {"sales_leader": "sales"}
FOUND = (
    "select fct_exceptions.*, fct_orders.order_id, fct_orders.customer_id, "
    "null as preferred_id from marts.fct_exceptions "
    "left join marts.fct_orders using (recon_key) order by exception_id"
)


def open_desk(home: Path) -> Console:
    """A console whose ledger has a ticket for each published exception."""
    console = open_console(home)
    settings = console.state.config.settings
    people = [
        Person(person, ROLES.get(role, role), None, None, None, role.title())
        for role, person in PERSONS.items()
    ]
    people.append(Person("per-rhea", "finance", None, Decimal(500000), "USD", "Rhea Solano"))
    with open_ledger(settings.ledger_database) as ledger, ledger.write() as connection:
        take_over(connection, people, actor=ENGINE, at=NOW)
    find_again(console, "run_1", NOW)
    return console


def find_again(
    console: Console, run_id: str, at: datetime, *, without: Collection[str] = ()
) -> None:
    """Tell the ledger what a run found: everything published, without some of it."""
    settings = console.state.config.settings
    with console.state.snapshots.pin() as published:
        found = [row for row in published.rows(FOUND) if row["exception_id"] not in without]
    model, rules = load_operating_model(settings.seeds), load_ticket_rules(settings.seeds)
    with open_ledger(settings.ledger_database) as ledger, ledger.write() as connection:
        sync_tickets(connection, EngineRun(run_id, at, model, rules), found, None)
