"""R-C2, R-O2: tickets follow exceptions, and people work on them."""

import threading
import time
from decimal import Decimal

import pytest
from sqlalchemy import func, select, text

from orchestration.core.errors import UsageRefused
from orchestration.core.tickets import IllegalTransition, TicketRules
from orchestration.ledger.errors import NotAllowed
from orchestration.ledger.projections import rebuild
from orchestration.ledger.tables import events, private_texts
from orchestration.ledger.ticket_sync import SyncReport
from orchestration.ledger.ticket_work import TicketChanged
from orchestration.ledger.tickets import TICKETS
from tests.ledger.tending import (
    act,
    all_notes,
    all_tickets,
    exception,
    rules,
    staffed,
    tell,
    ticket,
)


def count_events(ledger) -> int:
    with ledger.read() as connection:
        return connection.execute(select(func.count()).select_from(events)).scalar_one()


def test_a_ticket_is_opened_with_resolver_approver_due_time_and_evidence(ledger):
    staffed(ledger)
    assert tell(ledger, [exception(1)]) == SyncReport(opened=1)
    found = ticket(ledger)
    assert found["state_code"] == "assigned"
    assert found["assignee_id"] in {"P-ANA", "P-BEN"}
    assert found["assigned_because"].startswith("finance is responsible for PAY_SHORT")
    assert (found["approver_role"], found["due_at"]) == ("finance", "2026-06-02T08:00:00.000000Z")
    assert (found["leak_amount"], found["order_id"]) == ("12.5000", "SO-1")
    assert found["evidence"] == '{"expected_amount": "100.00"}'
    assert len(found["playbook_version"]) == 12


def test_work_is_spread_and_the_order_says_who_is_preferred(ledger):
    """R-O2: by load, and by the sales owner where the order names one."""
    staffed(ledger)
    gate = {"exception_code": "GATE_PRICE", "owner_role": "sales", "preferred_id": "P-SAM"}
    tell(ledger, [*(exception(number) for number in range(10)), exception(10, **gate)])
    held = [one["assignee_id"] for one in all_tickets(ledger)]
    assert (held.count("P-ANA"), held.count("P-BEN"), held.count("P-SAM")) == (5, 5, 1)


def test_the_fallback_owner_takes_over_when_nobody_is_there(ledger):
    """R-O1: each class has one."""
    with ledger.write():
        pass
    tell(ledger, [exception(1)])
    assert ticket(ledger)["state_code"] == "open"
    assert "nobody of finance or control" in ticket(ledger)["assigned_because"]


def test_told_twice_the_second_time_makes_no_event(ledger):
    """R-B4: a run that was killed before it could note that it had told is told again."""
    staffed(ledger)
    tell(ledger, [exception(1), exception(2)])
    before, events_before = all_tickets(ledger), count_events(ledger)
    assert tell(ledger, [exception(1), exception(2)], None, 2) == SyncReport()
    assert tell(ledger, [exception(1), exception(2)], ["ex_unknown"], 3) == SyncReport()
    assert (all_tickets(ledger), count_events(ledger)) == (before, events_before)


def test_a_ticket_is_updated_closed_and_reopened_with_its_exception(ledger):
    staffed(ledger)
    tell(ledger, [exception(1), exception(2)])
    changed = exception(1, leak_amount=Decimal("7.0000"))
    assert tell(ledger, [changed], (), 2) == SyncReport(updated=1)
    assert ticket(ledger)["leak_amount"] == "7.0000"
    assert tell(ledger, [], ["ex_000001"], 3) == SyncReport(closed=1)
    assert tell(ledger, [], ["ex_000001"], 4) == SyncReport()
    assert (ticket(ledger)["state_code"], ticket(ledger, 2)["state_code"]) == ("closed", "assigned")
    assert ticket(ledger)["closed_at"] == "2026-06-30T15:00:00.000000Z"
    assert tell(ledger, [exception(1)], (), 5) == SyncReport(reopened=1)
    again = ticket(ledger)
    assert (again["state_code"], again["reopen_count"]) == ("assigned", 1)
    assert (again["closed_at"], again["leak_amount"], again["version"]) == (None, "12.5000", 4)


def test_all_that_is_not_told_is_closed_when_everything_is_told(ledger):
    """After the warehouse was rebuilt, nobody knows what was told before."""
    staffed(ledger)
    tell(ledger, [exception(number) for number in range(4)])
    assert tell(ledger, [exception(1), exception(7)], None, 2) == SyncReport(opened=1, closed=3)


def test_a_resolved_ticket_stays_so_until_its_amount_changes(ledger):
    staffed(ledger)
    tell(ledger, [exception(1)])
    act(ledger, "P-ANA", "resolve", ["ex_000001"], "EXPLAINED")
    assert tell(ledger, [exception(1, explanation="the same in other words")], (), 2).updated == 1
    assert ticket(ledger)["state_code"] == "resolved"
    assert tell(ledger, [exception(1, leak_amount=Decimal(99))], (), 3).reopened == 1
    assert (ticket(ledger)["state_code"], ticket(ledger)["reason_code"]) == ("assigned", None)


def test_people_assign_comment_attach_resolve_and_reopen(ledger):
    staffed(ledger)
    tell(ledger, [exception(1), exception(2)])
    both = ["ex_000001", "ex_000002"]
    act(ledger, "P-ANA", "assign", both, "P-BEN")
    act(ledger, "P-BEN", "comment", both, "called Jo Smith, jo@customer.test")
    act(ledger, "P-BEN", "attach", ["ex_000001"], "DOC-77")
    act(ledger, "P-BEN", "resolve", both, "CORRECTED_AT_SOURCE")
    act(ledger, "P-CTL", "reopen", ["ex_000002"], "NOT_FIXED")
    first, second = ticket(ledger), ticket(ledger, 2)
    assert (first["state_code"], first["reason_code"]) == ("resolved", "CORRECTED_AT_SOURCE")
    assert (second["state_code"], second["assignee_id"]) == ("assigned", "P-BEN")
    assert second["reopen_count"] == 1
    assert [one["note_kind"] for one in all_notes(ledger)] == ["comment", "comment", "reference"]
    with ledger.read() as connection:
        payloads = " ".join(connection.execute(select(events.c.payload)).scalars())
        kept = connection.execute(select(func.count()).select_from(private_texts)).scalar_one()
    assert "Jo Smith" not in payloads
    assert kept == 2 + 5


def test_the_last_decision_can_be_undone_and_the_undoing_too(ledger):
    staffed(ledger)
    tell(ledger, [exception(1)])
    before = ticket(ledger)
    act(ledger, "P-ANA", "resolve", ["ex_000001"], "EXPLAINED")
    resolved = ticket(ledger)
    act(ledger, "P-ANA", "undo", ["ex_000001"])
    undone = ticket(ledger)
    act(ledger, "P-ANA", "undo", ["ex_000001"])
    names = ("state_code", "assignee_id", "reason_code")
    assert [undone[one] for one in names] == [before[one] for one in names]
    assert [ticket(ledger)[one] for one in names] == [resolved[one] for one in names]
    assert ticket(ledger)["version"] == 4


def test_what_a_run_decided_since_cannot_be_undone(ledger):
    staffed(ledger)
    tell(ledger, [exception(1)])
    with pytest.raises(NotAllowed, match="nothing was decided by a person"):
        act(ledger, "P-ANA", "undo", ["ex_000001"])
    act(ledger, "P-ANA", "resolve", ["ex_000001"], "EXPLAINED")
    tell(ledger, [], ["ex_000001"], 2)
    with pytest.raises(NotAllowed, match="a run has decided since"):
        act(ledger, "P-ANA", "undo", ["ex_000001"])


def test_the_second_of_two_is_told_what_changed(ledger):
    """Regression: the later of two edits must not silently win."""
    staffed(ledger)
    tell(ledger, [exception(1)])
    seen = {"ex_000001": ticket(ledger)["version"]}
    act(ledger, "P-ANA", "assign", ["ex_000001"], "P-BEN", seen=seen, reason="he knows them")
    with pytest.raises(TicketChanged, match="P-ANA: assigned, he knows them") as caught:
        act(ledger, "P-BEN", "resolve", ["ex_000001"], "EXPLAINED", seen=seen)
    assert caught.value.exit_code == 1
    assert ticket(ledger)["state_code"] == "assigned"


def test_of_many_at_once_one_wins(ledger):
    staffed(ledger)
    tell(ledger, [exception(1)])
    seen = {"ex_000001": ticket(ledger)["version"]}
    outcomes: list[str] = []

    def one_of_them() -> None:
        try:
            act(ledger, "P-ANA", "resolve", ["ex_000001"], "EXPLAINED", seen=seen)
            outcomes.append("won")
        except TicketChanged:
            outcomes.append("told")

    threads = [threading.Thread(target=one_of_them) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(outcomes) == ["told"] * 5 + ["won"]


def test_all_or_nothing_and_every_problem_at_once(ledger):
    staffed(ledger)
    tell(ledger, [exception(1), exception(2)])
    act(ledger, "P-ANA", "resolve", ["ex_000002"], "EXPLAINED")
    before, count = all_tickets(ledger), count_events(ledger)
    with pytest.raises(NotAllowed) as caught:
        act(ledger, "P-ANA", "reopen", ["ex_000001", "ex_000002", "ex_none"], "NOT_FIXED")
    assert "ex_000001: it is assigned" in str(caught.value)
    assert "ex_none: there is no such ticket" in str(caught.value)
    assert (all_tickets(ledger), count_events(ledger)) == (before, count)


@pytest.mark.parametrize(
    ("who", "what", "arguments", "said"),
    [
        ("P-OPS", "resolve", ["EXPLAINED"], "P-OPS is of operations"),
        ("P-ANA", "resolve", ["GOODWILL"], "is no reason to resolve"),
        ("P-ANA", "assign", ["P-OPS"], "P-OPS is of operations"),
        ("P-ANA", "assign", ["P-NOBODY"], "not known"),
        ("P-ANA", "attach", [" "], "1 to 500"),
        ("P-NOBODY", "comment", ["x"], "Nobody is known as P-NOBODY"),
    ],
)
def test_what_may_not_be_done_is_refused(ledger, who, what, arguments, said):
    """R-V4: who may is decided by role."""
    staffed(ledger)
    tell(ledger, [exception(1)])
    before = ticket(ledger)
    with pytest.raises(UsageRefused, match=said):
        act(ledger, who, what, ["ex_000001"], *arguments)
    assert ticket(ledger) == before


def test_a_decision_needs_a_reason(ledger):
    staffed(ledger)
    tell(ledger, [exception(1)])
    with pytest.raises(UsageRefused, match="--reason"):
        act(ledger, "P-ANA", "comment", ["ex_000001"], "x", reason=" ")


def test_tickets_made_anew_from_events_are_the_same(ledger):
    staffed(ledger)
    tell(ledger, [exception(number) for number in range(30)])
    act(ledger, "P-ANA", "assign", ["ex_000001", "ex_000002"], "P-BEN")
    act(ledger, "P-BEN", "comment", ["ex_000001"], "a word")
    act(ledger, "P-BEN", "resolve", ["ex_000002"], "EXPLAINED")
    act(ledger, "P-BEN", "undo", ["ex_000002"])
    tell(ledger, [exception(5, leak_amount=Decimal(1))], ["ex_000009", "ex_000001"], 2)
    tell(ledger, [exception(9)], (), 3)
    before = (all_tickets(ledger), all_notes(ledger))
    with ledger.write() as connection:
        connection.execute(text("update tickets set state_code = 'closed', version = 0"))
        rebuild(connection, TICKETS)
    assert (all_tickets(ledger), all_notes(ledger)) == before


def test_a_hundred_thousand_tickets_are_opened_in_one_run(ledger):
    staffed(ledger)
    begun = time.process_time()
    tell(ledger, (exception(number) for number in range(100_000)))
    assert time.process_time() - begun < 60
    assert len(all_tickets(ledger)) == 100_000
    begun = time.process_time()
    tell(ledger, [exception(7, leak_amount=Decimal(1))], ["ex_000003"], 2)
    assert time.process_time() - begun < 2, "the next run costs what changed"


def test_a_step_that_the_taxonomy_does_not_allow_is_refused():
    allowed = rules()
    allowed.check("t", None, "open")
    allowed.check("t", "closed", "closed")
    with pytest.raises(IllegalTransition, match=r"transitions\.csv"):
        allowed.check("t", None, "closed")
    assert TicketRules.of([]).allowed == frozenset()
