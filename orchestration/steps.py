"""The steps of a run, how each one ends, and who is told about it.

What belongs here: their names and order, and the shapes of their accounts. What does not: what they
do (`orchestration.runner`) and how progress looks (the command line).
Whoever may import `orchestration.session` may import this.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Step(StrEnum):
    """The steps of a run, in their order; the value is what people read."""

    INGEST = "read what landed"
    SOURCE_GATE = "judge the source rows"
    PHASE_1 = "build orders and legs"
    VALIDATION_GATE = "judge the order versions"
    ASSIGNMENT = "match what has no key"
    PHASE_2 = "build matches, exceptions and marts"
    PUBLISHED_GATE = "judge the marts"
    TICKETS = "tend the tickets"
    FINGERPRINT = "fingerprint the marts"
    PUBLISH = "publish"
    SERVE = "serve from PostgreSQL"


STEP_OF_PHASE: Mapping[str, Step] = {"phase_1": Step.PHASE_1, "phase_2": Step.PHASE_2}


class Observer(Protocol):
    """Who is told how far a run is."""

    def started(self, step: Step) -> None:
        """A step has begun."""

    def advanced(self, step: Step, done: int, total: int, what: str) -> None:
        """`done` of `total` parts are finished (0: nobody knows); `what` names the last one."""

    def finished(self, outcome: "StepOutcome") -> None:
        """A step has ended, well or not."""


class Silent:
    """Tells nobody."""

    def started(self, step: Step) -> None:
        """Say nothing."""

    def advanced(self, step: Step, done: int, total: int, what: str) -> None:
        """Say nothing."""

    def finished(self, outcome: "StepOutcome") -> None:
        """Say nothing."""


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """How one step ended.

    Attributes:
        step: Which.
        seconds: Wall time.
        note: A few words for people, such as `23 files, 4120 rows`.
        ok: Whether it did what it should.
    """

    step: Step
    seconds: float
    note: str
    ok: bool


@dataclass(slots=True)
class StepScope:
    """What a step says of itself while it runs.

    Attributes:
        advanced: Tells the observer how far it is.
        note: A few words on what it did.
        ok: Set to False by a step that found something without breaking off.
    """

    advanced: Callable[[int, int, str], None]
    note: str = ""
    ok: bool = True
