"""What every row of a policy table has: its place, the days and the amounts for which it holds.

What belongs here: types of cells, half-open periods and bands, the names of actions. What does not:
the tables themselves (`core.policies.records`). Anyone may import this.

Every row knows its file and line, so that a problem found later can point at it. Periods are
half-open: `effective_to` is the first day on which a row no longer holds.
"""

from datetime import date, time
from decimal import Decimal
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,62}$")]
Amount = Annotated[Decimal, Field(ge=0, max_digits=18, decimal_places=4)]
ANY = "*"

ACTIONS = (
    "gate_waiver",
    "value_override",
    "key_override",
    "value_change",
    "manual_match",
    "forced_match",
    "write_off",
    "rule_release",
    "period_close",
)
BREAK_GLASS = "break_glass"
BREAK_GLASS_REVIEW = "break_glass_review"
SIGNED_ACTIONS = (*ACTIONS, BREAK_GLASS_REVIEW)
SAMPLED_ACTIONS = (*ACTIONS, BREAK_GLASS)
TICKET_ACTIONS = ("pause", "reject", "revoke", "resolve", "reopen")
REASONED_ACTIONS = (*SIGNED_ACTIONS, BREAK_GLASS, *TICKET_ACTIONS)

# In approval limits: the role that answers for the class of exception or the gate in question.
ACCOUNTABLE = "accountable"
# In the RACI of leg states: the role that owns the leg.
LEG_OWNER = "leg_owner"


def _split(value: Any) -> Any:
    """Read `a;b` as two codes and an empty cell as none."""
    if value is None:
        return ()
    return tuple(part.strip() for part in value.split(";")) if isinstance(value, str) else value


def _hours(value: Any) -> Any:
    """Read `24:00`, which no clock shows, as the end of the day."""
    return "23:59:59.999999" if value == "24:00" else value


def one_of(names: tuple[str, ...]) -> AfterValidator:
    """Return a check that a text is one of some names."""

    def check(value: str) -> str:
        if value not in names:
            msg = f"is not one of {', '.join(names)}"
            raise ValueError(msg)
        return value

    return AfterValidator(check)


Codes = Annotated[tuple[Code, ...], BeforeValidator(_split)]
LocalTime = Annotated[time, BeforeValidator(_hours)]


class Row(BaseModel):
    """One row of a policy table; a column that nobody knows is a problem.

    Attributes:
        line: Where it stands in its file, from 1.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    file: ClassVar[str] = ""
    line: int = Field(default=0, exclude=True)

    @property
    def at(self) -> str:
        """Where the row stands, as `file:line`."""
        return f"seeds/{self.file}:{self.line}"


class DatedRow(Row):
    """A row that holds from a day on, and until the day before another.

    Attributes:
        effective_from: First day on which it holds.
        effective_to: First day on which it no longer holds; None when nothing ends it.
    """

    effective_from: date
    effective_to: date | None = None

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.effective_to is not None and self.effective_to <= self.effective_from:
            msg = f"effective_to {self.effective_to} is not after {self.effective_from}"
            raise ValueError(msg)
        return self

    def holds_on(self, day: date) -> bool:
        """Whether the row holds on a day."""
        return self.effective_from <= day and (self.effective_to is None or day < self.effective_to)


class BandRow(DatedRow):
    """A dated row for amounts from one on, up to but without another.

    Attributes:
        from_amount: Least amount, units of the risk currency.
        to_amount: First amount beyond; None when the band is open.
    """

    from_amount: Amount
    to_amount: Amount | None = None

    @model_validator(mode="after")
    def _is_a_band(self) -> Self:
        if self.to_amount is not None and self.to_amount <= self.from_amount:
            msg = f"to_amount {self.to_amount} is not above from_amount {self.from_amount}"
            raise ValueError(msg)
        return self

    def covers(self, amount: Decimal) -> bool:
        """Whether an amount lies in the band."""
        return self.from_amount <= amount and (self.to_amount is None or amount < self.to_amount)
