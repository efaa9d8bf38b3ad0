"""The life of a ticket: its states, and which of them may follow which.

What belongs here: names and legality. What does not: where tickets are kept
(`orchestration.ledger.tickets`). Anyone may import this.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from orchestration.core.errors import ReconError


class TicketState(StrEnum):
    """How a ticket stands; `seeds/taxonomy/states.csv` says what each means."""

    OPEN = "open"
    ASSIGNED = "assigned"
    RESOLVED = "resolved"
    CLOSED = "closed"


class IllegalTransition(ReconError):
    """A ticket would go where `seeds/taxonomy/transitions.csv` does not let it."""


@dataclass(frozen=True, slots=True)
class TicketRules:
    """Which state may follow which.

    Attributes:
        allowed: Pairs of from and to; an empty from is a new ticket.
    """

    allowed: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, rows: Iterable[Mapping[str, str]]) -> "TicketRules":
        """Return the rules in rows of `transitions.csv`, those of other subjects left out."""
        return cls(
            frozenset(
                (row["from_code"], row["to_code"])
                for row in rows
                if row["subject_type"] == "ticket"
            )
        )

    def check(self, ticket_id: str, before: str | None, after: str) -> None:
        """Refuse a change of state that is not allowed; staying is always allowed.

        Raises:
            IllegalTransition: It is not.
        """
        if before != after and (before or "", after) not in self.allowed:
            raise IllegalTransition(
                f"Ticket {ticket_id} cannot go from {before or 'nothing'} to {after}: "
                "seeds/taxonomy/transitions.csv does not allow it."
            )


def state_with(assignee_id: str | None) -> TicketState:
    """Return the state of a ticket that is worked on."""
    return TicketState.OPEN if assignee_id is None else TicketState.ASSIGNED
