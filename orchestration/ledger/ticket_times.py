"""How long tickets were worked on, by the clock of those who resolve them.

What belongs here: what an ending says of the time it took, which MTTR is the mean of. What does
not: deadlines (`orchestration.ledger.sla_clock`), closing (`orchestration.ledger.ticket_sync`,
which imports this).
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from sqlalchemy import Connection, func, select

from orchestration.core.policies.model import OperatingModel
from orchestration.core.work.clocks import Clock, Pause, clock_for
from orchestration.ledger.projections import KEYS_AT_ONCE, Row
from orchestration.ledger.tables import events
from orchestration.ledger.ticket_pauses import pauses_of

REOPENED = "ticket_reopened"
# What an ending says of its ticket, so that whoever reads the event need not look for the others.
TOLD = ("exception_code", "leg_code", "tenant", "severity_code", "owner_role")


class Stopwatch:
    """Tells how long each of many tickets took; the same question is worked out once.

    Attributes:
        model: Clocks, working hours and holidays.
        now: When they end, aware.
    """

    def __init__(self, model: OperatingModel, now: datetime) -> None:
        self.model, self.now = model, now.astimezone(UTC)
        self._clocks: dict[tuple[str, str], Clock] = {}
        self._seconds: dict[tuple[str, str, datetime, tuple[Pause, ...]], int] = {}

    def endings(self, connection: Connection, ended: Mapping[str, Row]) -> Mapping[str, Row]:
        """Return for each ticket what its end says: `TOLD`, `begun_at` and `worked_seconds`.

        A ticket that was reopened begins anew then. Time in which its clock stood still, or outside
        the working hours of the role that owns it, is not counted.

        Args:
            connection: Of the ledger.
            ended: Tickets by id, as the ledger keeps them.
        """
        again = (key for key, row in ended.items() if row["reopen_count"])
        reopened = _last_reopened(connection, again)
        pauses = pauses_of(connection, ended)
        found: dict[str, Row] = {}
        for ticket_id, row in ended.items():
            begun = reopened.get(ticket_id) or row["opened_at"]
            if not begun:
                continue
            at = datetime.fromisoformat(begun)
            found[ticket_id] = {name: row[name] for name in TOLD} | {
                "begun_at": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
                "worked_seconds": self._worked(row, at, pauses.get(ticket_id, ())),
            }
        return found

    def _worked(self, row: Row, begun: datetime, pauses: tuple[Pause, ...]) -> int:
        who = (str(row["severity_code"]), str(row["owner_role"]))
        asked = (*who, begun, pauses)
        if asked not in self._seconds:
            if who not in self._clocks:
                self._clocks[who] = clock_for(self.model, *who, self.now.date())
            elapsed = self._clocks[who].elapsed(begun, self.now, pauses)
            self._seconds[asked] = int(elapsed.total_seconds())
        return self._seconds[asked]


def _last_reopened(connection: Connection, ticket_ids: Iterable[str]) -> Mapping[str, str]:
    """When tickets were last reopened, as the ledger writes moments."""
    ids = sorted(ticket_ids)
    found: dict[str, str] = {}
    for start in range(0, len(ids), KEYS_AT_ONCE):
        chosen = (
            select(events.c.subject_id, func.max(events.c.at))
            .where(
                events.c.subject_type == "ticket",
                events.c.subject_id.in_(ids[start : start + KEYS_AT_ONCE]),
                events.c.action == REOPENED,
            )
            .group_by(events.c.subject_id)
        )
        found.update((row[0], row[1]) for row in connection.execute(chosen))
    return found
