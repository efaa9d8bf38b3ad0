"""Approvals against any order of steps by anybody: a machine that keeps its own simple truth.

The truth is kept by person and by what each signature was given for, not by the product's tables.
`make test` takes a few hundred steps; `make soak` takes 50,000.
"""

import itertools
import json
import shutil
import tempfile
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import func, select

from orchestration.core.work.approval_states import HOLDING, ApprovalState
from orchestration.ledger.approval_base import Outcome
from orchestration.ledger.store import open_ledger
from orchestration.ledger.tables import events
from tests.faults.approval_desk import PEOPLE, Desk, alias, away, ledger_url, model_of, waiver

IDS = [person.person_id for person in PEOPLE]
# Accounts and the person behind each; `svc-console` has nobody behind it.
PERSON_OF = {**{one: one for one in IDS}, "ines-2": "per-ines", "tok-rhea": "per-rhea"}
ACCOUNTS = [*PERSON_OF, "svc-console", "per-nobody"]
BASE = model_of(
    identities={
        "ines-2": alias("ines-2", "per-ines"),
        "tok-rhea": alias("tok-rhea", "per-rhea", "token"),
        "svc-console": alias("svc-console", None, "service"),
    }
)
ROLES = ["sales", "finance", "control"]
AMOUNTS = ["1", "900", "2600", "30000"]


def template() -> Path:
    """A ledger that is up to date and empty, made once."""
    folder = Path(tempfile.mkdtemp(prefix="approvals-"))
    with open_ledger(ledger_url(folder)) as ledger:
        Desk(ledger, BASE)
    return folder / "ledger.db"


class Approvals(RuleBasedStateMachine):
    """Anybody does anything at any time; what must never happen never does."""

    requests = Bundle("requests")
    made: Path | None = None
    taken = 0

    @initialize()
    def open(self) -> None:
        if Approvals.made is None:
            Approvals.made = template()
        self.folder = Path(tempfile.mkdtemp(prefix="approvals-"))
        shutil.copy(Approvals.made, self.folder / "ledger.db")
        self.ledger = open_ledger(ledger_url(self.folder))
        self.desk = Desk(self.ledger, BASE)
        self.people = {person.person_id: person for person in PEOPLE}
        self.truth: dict[str, dict[str, Any]] = {}
        self.version = 1
        self.parts = itertools.count()

    def teardown(self) -> None:
        if hasattr(self, "ledger"):
            self.ledger.close()
            shutil.rmtree(self.folder)

    @rule(
        target=requests,
        who=st.sampled_from(ACCOUNTS),
        amount=st.sampled_from(AMOUNTS),
        glass=st.booleans(),
    )
    def ask(self, who: str, amount: str, *, glass: bool) -> Any:
        decision = waiver(amount, version=self.version, part=str(next(self.parts)))
        refused_before, before = self.count("approval_refused"), self.count()
        more = {"is_break_glass": True, "reason_code": "OUTAGE"} if glass else {}
        outcome = self.desk.ask(who, decision, **more)
        self.check_record(outcome, refused_before, before)
        if outcome.refused is not None:
            assert not self.may_act(who)
            return multiple()
        assert self.may_act(who)
        self.truth[outcome.approval_id] = {
            "maker": PERSON_OF[who],
            "hash": decision.payload_hash(),
            "version": self.version,
            "signed": {},
            "glass": glass,
            "ended": False,
        }
        self.check(outcome.approval_id)
        return outcome.approval_id

    @rule(
        one=requests,
        who=st.sampled_from(ACCOUNTS),
        honest=st.integers(0, 9),
        knows_version=st.booleans(),
    )
    def sign(self, one: str, who: str, honest: int, *, knows_version: bool) -> None:
        seen = self.truth[one]["hash"] if honest else "0" * 64
        current = self.version if knows_version else None
        self.do(
            one,
            lambda: self.desk.sign(one, who, seen_hash=seen, current_version=current),
            signer=who,
            seen=seen,
            current=current,
        )

    @rule(one=requests, who=st.sampled_from(ACCOUNTS))
    def click_twice(self, one: str, who: str) -> None:
        nonce = f"twice-{next(self.parts)}"
        self.do(one, lambda: self.desk.sign(one, who, nonce=nonce), signer=who)
        before = self.count()
        outcome = self.desk.sign(one, who, nonce=nonce)
        if outcome.is_repeat:
            assert self.count() == before
        else:
            assert outcome.refused is not None
        self.check(one)

    @rule(one=requests, who=st.sampled_from(ACCOUNTS))
    def reject(self, one: str, who: str) -> None:
        maker = self.truth[one]["maker"]
        outcome = self.do(one, lambda: self.desk.reject(one, who))
        if outcome.refused is None:
            assert PERSON_OF[who] != maker
            self.truth[one]["ended"] = True

    @rule(one=requests, who=st.sampled_from(ACCOUNTS))
    def revoke(self, one: str, who: str) -> None:
        outcome = self.do(one, lambda: self.desk.revoke(one, who))
        if outcome.refused is None:
            self.truth[one]["ended"] = True

    @rule(one=requests, honest=st.integers(0, 4), knows_version=st.booleans())
    def use(self, one: str, honest: int, *, knows_version: bool) -> None:
        given = self.truth[one]["hash"] if honest else "f" * 64
        current = self.version if knows_version else None
        outcome = self.do(
            one, lambda: self.desk.use(one, payload_hash=given, current_version=current)
        )
        if outcome.refused is None and not outcome.is_repeat:
            assert given == self.truth[one]["hash"]
            assert current in {None, self.truth[one]["version"]}
            row = self.desk.row(one)
            assert row["use_by"] > self.moment()
            for signer, (role, holder) in self.truth[one]["signed"].items():
                if signer in self.signers(one):
                    assert signer in self.people
                    assert holder in self.people
                    assert self.people[holder].role == role

    @rule(hours=st.sampled_from([1, 23, 49, 73]))
    def wait(self, hours: int) -> None:
        self.desk.later(hours=hours)
        for one in self.desk.expire():
            self.check(one)

    @rule(who=st.sampled_from(IDS))
    def leave(self, who: str) -> None:
        self.people.pop(who, None)
        self.desk.hire(*self.people.values())

    @rule(who=st.sampled_from(IDS), role=st.sampled_from(ROLES), limit=st.sampled_from([0, 10**6]))
    def move(self, who: str, role: str, limit: int) -> None:
        known = next(person for person in PEOPLE if person.person_id == who)
        self.people[who] = replace(known, role=role, approval_limit=Decimal(limit))
        self.desk.hire(*self.people.values())

    @rule(who=st.sampled_from(IDS), deputy=st.sampled_from(IDS))
    def go_away(self, who: str, deputy: str) -> None:
        absences = () if who == deputy else (away(who, deputy),)
        self.desk.model = replace(BASE, absences=absences)

    @rule()
    def amend_the_order(self) -> None:
        self.version += 1

    def do(self, one: str, step: Any, **facts: Any) -> Outcome:
        """Take a step about a request and look at everything it may have done."""
        refused_before, before = self.count("approval_refused"), self.count()
        had = set(self.signers(one))
        outcome = step()
        self.check_record(outcome, refused_before, before)
        gained = set(self.signers(one)) - had
        if gained:
            self.check_signature(one, gained, **facts)
        self.check(one)
        return outcome

    def check_signature(
        self, one: str, gained: set[str], signer: str, seen: Any = None, current: Any = None
    ) -> None:
        (person,) = gained
        truth = self.truth[one]
        assert person == PERSON_OF[signer]
        assert person in self.people
        assert person != truth["maker"]
        assert not truth["ended"]
        assert seen in {None, truth["hash"]}
        assert current in {None, truth["version"]}
        (given,) = (value for value in self.signatures(one) if value["by"] == person)
        assert given["for"] != truth["maker"]
        assert self.people[given["for"]].role == given["role"]
        if given["for"] != person:
            (absence,) = self.desk.model.absences
            assert (absence.person_id, absence.deputy_id) == (given["for"], person)
        truth["signed"][person] = (given["role"], given["for"])

    def check(self, one: str) -> None:
        """What must hold of a request at any time."""
        row, truth = self.desk.row(one), self.truth[one]
        state = ApprovalState(row["state_code"])
        signers = self.signers(one)
        assert row["payload_hash"] == truth["hash"]
        assert row["requester_id"] == truth["maker"]
        assert len(set(signers)) == len(signers)
        assert truth["maker"] not in signers
        if state in {ApprovalState.APPROVED, ApprovalState.IN_FORCE}:
            roles = {value["role"] for value in self.signatures(one)}
            assert roles >= set(row["required_roles"].split(";"))
            assert len(signers) >= row["least_signers"]
        if state in HOLDING:
            assert not truth["ended"]
        if state is ApprovalState.UNREVIEWED:
            assert truth["glass"]
        assert self.count("approval_used", one) <= 1

    def check_record(self, outcome: Outcome, refused_before: int, before: int) -> None:
        """Each refusal is one event; a repeat is none; whatever was done is at least one."""
        Approvals.taken += 1
        refused = self.count("approval_refused") - refused_before
        assert refused == (outcome.refused is not None)
        if outcome.is_repeat:
            assert self.count() == before
        else:
            assert self.count() > before

    def may_act(self, account: str) -> bool:
        return PERSON_OF.get(account) in self.people

    def signatures(self, one: str) -> list[dict[str, Any]]:
        return json.loads(self.desk.row(one)["signatures"])

    def signers(self, one: str) -> list[str]:
        return [value["by"] for value in self.signatures(one)]

    def count(self, action: str | None = None, subject_id: str | None = None) -> int:
        chosen = select(func.count()).select_from(events)
        if action is not None:
            chosen = chosen.where(events.c.action == action)
        if subject_id is not None:
            chosen = chosen.where(events.c.subject_id == subject_id)
        with self.ledger.read() as connection:
            return connection.execute(chosen).scalar_one()

    def moment(self) -> str:
        return self.desk.now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large]


def test_rc1_no_order_of_steps_lets_anything_happen_that_must_not():
    run_state_machine_as_test(
        Approvals,
        settings=settings(
            max_examples=15, stateful_step_count=30, deadline=None, suppress_health_check=QUIET
        ),
    )


@pytest.mark.soak
def test_rc1_50_000_steps_let_nothing_happen_that_must_not():
    before = Approvals.taken
    while Approvals.taken - before < 50_000:
        run_state_machine_as_test(
            Approvals,
            settings=settings(
                max_examples=400, stateful_step_count=60, deadline=None, suppress_health_check=QUIET
            ),
        )
