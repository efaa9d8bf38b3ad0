"""A ledger and a bank that tell the same story differently, and which rows belong together.

What belongs here: making both sides with labels. What does not: measuring (`assignment`).
Everything a style sets is drawn from a seeded generator, so the same seed makes the same rows.
"""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta

from orchestration.core.matching.items import UNITS_PER_MAJOR, Item

CENT = UNITS_PER_MAJOR // 100
FIRST_DAY = date(2026, 1, 5)
NAMES = (
    "Acme Holdings",
    "Baxter Foods",
    "Cobalt Mining",
    "Dunmore Paper",
    "Elgin Travel",
    "Foxglove Media",
    "Granite Works",
    "Harbour Supply",
    "Ibis Logistics",
    "Juniper Health",
    "Kestrel Energy",
    "Lantern Books",
    "Mistral Yachts",
    "Northgate Dairy",
    "Orchard Schools",
    "Pinewood Timber",
    "Quarry Stone",
    "Redwood Design",
    "Sable Textiles",
    "Tundra Gear",
    "Umber Paints",
    "Verdant Farms",
    "Willow Care",
    "Xenon Lighting",
    "Yarrow Tea",
    "Zephyr Cycles",
    "Atlas Freight",
    "Beacon Security",
    "Cedar Homes",
    "Delta Printing",
    "Ember Heating",
    "Falcon Couriers",
    "Glacier Water",
    "Heron Consulting",
    "Indigo Apparel",
    "Jasper Tools",
    "Kiln Ceramics",
)
FORMS = ("Ltd", "Inc", "GmbH", "LLC", "& Sons", "Group", "")
BANK_WORDS = ("ACH CREDIT", "WIRE IN", "CHK", "POS", "TRF", "DIRECT DEP", "SEPA", "E-PAY")


@dataclass(frozen=True, slots=True)
class Style:
    """How a ledger and a bank are written.

    Attributes:
        name: For people.
        reference: Part of bank lines that still bear the ledger's reference.
        damage: Chance that a character of a bank text is lost or changed.
        cut: Bank texts are cut after so many characters.
        is_named: Whether bank texts bear the other party's name.
        days: Most days between the two in the usual case; `late` in the odd one.
        late: Most days in the odd case.
        deposits: Part of ledger rows that go to the bank in deposits.
        slip: Chance that deposit lines and ledger rows share a slip number.
        round_amounts: Part of amounts in whole units.
        largest: Members of a deposit at most.
        per_day: Ledger rows a day.
    """

    name: str
    reference: float = 0.6
    damage: float = 0.04
    cut: int = 28
    is_named: bool = True
    days: int = 3
    late: int = 10
    deposits: float = 0.2
    slip: float = 0.4
    round_amounts: float = 0.15
    largest: int = 12
    per_day: int = 18


STYLES = (
    Style("usual"),
    Style("few references", per_day=12, reference=0.15, damage=0.08, cut=20, slip=0.0),
    Style("hardly any text", reference=0.05, damage=0.10, cut=12, slip=0.0, round_amounts=0.1),
    Style("late and round", days=5, late=11, round_amounts=0.4, reference=0.5),
    Style("many deposits", per_day=30, deposits=0.45, slip=0.1, largest=8, reference=0.4),
)


@dataclass(slots=True)
class Books:
    """Both sides and the truth.

    Attributes:
        ledger: Expected items.
        bank: Actual items.
        groups: Which keys belong together, ledger and bank.
        kinds: What each group is, in the same order.
    """

    ledger: list[Item] = field(default_factory=list)
    bank: list[Item] = field(default_factory=list)
    groups: list[tuple[frozenset[str], frozenset[str]]] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)


class Writer:
    """Writes rows of both sides in one style."""

    def __init__(self, style: Style, seed: int, rows: int) -> None:
        self.style = style
        self.draw = random.Random(seed * 7919 + len(style.name))
        self.rows = rows
        self.span = max(40, rows // style.per_day)
        self.books = Books()
        self.number = 10_000 + self.draw.randrange(5_000)
        self.line = 0

    # ------------------------------------------------------------ parts
    def amount(self) -> int:
        """An amount in item units, never zero."""
        value = math.exp(self.draw.gauss(5.3, 1.3))
        if self.draw.random() < self.style.round_amounts:
            step = self.draw.choice((1, 5, 10, 50, 100))
            return max(step, round(value / step) * step) * UNITS_PER_MAJOR
        return max(1, round(value * 100)) * CENT

    def day(self) -> date:
        """A weekday."""
        found = FIRST_DAY + timedelta(days=self.draw.randrange(self.span))
        return found - timedelta(days=max(0, found.weekday() - 4))

    def later(self, day: date) -> date:
        """A weekday some days later, or now and then one earlier."""
        if self.draw.random() < 0.08:
            shift = self.draw.randrange(self.style.days, self.style.late + 1)
        elif self.draw.random() < 0.03:
            shift = -1
        else:
            shift = self.draw.randrange(self.style.days + 1)
        found = day + timedelta(days=shift)
        return found + timedelta(days=(7 - found.weekday()) if found.weekday() > 4 else 0)

    def party(self) -> str:
        """A party's name."""
        return f"{self.draw.choice(NAMES)} {self.draw.choice(FORMS)}".strip()

    def reference(self) -> str:
        """A new document number."""
        self.number += self.draw.randrange(1, 4)
        return f"{self.draw.choice(('INV', 'RC', 'PMT', 'CHK'))}-{self.number}"

    def damaged(self, text: str) -> str:
        """A text as a bank prints it: capitals, letters lost or changed, cut."""
        letters = []
        for letter in text.upper():
            chance = self.draw.random()
            if chance < self.style.damage / 2:
                continue
            letters.append(
                self.draw.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ")
                if chance < self.style.damage
                else letter
            )
        return "".join(letters)[: self.style.cut]

    def bank_text(self, party: str, reference: str) -> str:
        """What the bank prints for a movement."""
        parts = [self.draw.choice(BANK_WORDS)]
        if self.draw.random() < self.style.reference:
            parts.append(reference if self.draw.random() < 0.5 else reference.split("-")[1])
        if self.style.is_named and self.draw.random() < 0.85:
            parts.append(party)
        if self.draw.random() < 0.3:
            self.draw.shuffle(parts)
        return self.damaged(" ".join(parts))

    def book(self, amount: int, day: date, text: str) -> str:
        """A ledger row; returns its key."""
        key = f"L{len(self.books.ledger):06d}"
        self.books.ledger.append(Item(key, key, amount, day, "", text))
        return key

    def post(self, amount: int, day: date, text: str) -> str:
        """A bank row; returns its key."""
        key = f"B{len(self.books.bank):06d}"
        self.books.bank.append(Item(key, key, amount, day, "", text))
        return key

    def label(self, kind: str, ledger: list[str], bank: list[str]) -> None:
        """These belong together."""
        self.books.groups.append((frozenset(ledger), frozenset(bank)))
        self.books.kinds.append(kind)

    # ------------------------------------------------------------ stories
    def single(
        self, amount: int | None = None, day: date | None = None, kind: str = "single"
    ) -> None:
        """One row on either side."""
        amount = amount or self.amount() * (1 if self.draw.random() < 0.7 else -1)
        day = day or self.day()
        party, reference = self.party(), self.reference()
        one = self.book(amount, day, f"{reference} {party}")
        other = self.post(amount, self.later(day), self.bank_text(party, reference))
        self.label(kind, [one], [other])

    def deposit(self) -> None:
        """Several receipts in one bank line."""
        day, size = self.day(), self.draw.randrange(2, self.style.largest + 1)
        slip = f"DEP{self.draw.randrange(1000, 99999)}"
        has_slip = self.draw.random() < self.style.slip
        spread = 1 if self.draw.random() < 0.2 else 0
        keys, total = [], 0
        for _ in range(size):
            amount = self.amount()
            own = day - timedelta(days=self.draw.randrange(spread + 1))
            text = f"{self.reference()} {self.party()}" + (f" {slip}" if has_slip else "")
            keys.append(self.book(amount, own, text))
            total += amount
        text = f"DEPOSIT {slip if has_slip else ''}" if self.draw.random() < 0.8 else "CASH LETTER"
        self.label("deposit", keys, [self.post(total, self.later(day), self.damaged(text))])

    def split(self) -> None:
        """One ledger row paid in two or three parts."""
        parts = [self.amount() for _ in range(self.draw.randrange(2, 4))]
        day, party, reference = self.day(), self.party(), self.reference()
        one = self.book(sum(parts), day, f"{reference} {party}")
        others = [
            self.post(part, self.later(day), self.bank_text(party, reference)) for part in parts
        ]
        self.label("split", [one], others)

    def fee(self) -> None:
        """A fee is kept back on the way."""
        amount, day, party, reference = (
            self.amount() + 5_000 * CENT,
            self.day(),
            self.party(),
            self.reference(),
        )
        kept = self.draw.choice((1500, 2500, 350, 1250, max(1, amount // CENT * 29 // 1000))) * CENT
        kept = min(kept, amount // 25 // CENT * CENT)
        one = self.book(amount, day, f"{reference} {party}")
        text = self.damaged(f"WIRE {reference} {party}")
        self.label("fee", [one], [self.post(amount - kept, self.later(day), text)])

    def slip(self) -> None:
        """One of the amounts is mistyped."""
        amount, day, party, reference = self.amount(), self.day(), self.party(), self.reference()
        digits = list(str(amount // CENT))
        at = self.draw.randrange(max(1, len(digits) - 1))
        chance = self.draw.random()
        if (
            chance < 0.6
            and len(digits) > 1
            and digits[at] != digits[at + 1]
            and digits[at + 1] != "0"
        ):
            digits[at], digits[at + 1] = digits[at + 1], digits[at]
        elif chance < 0.8:
            digits[-1] = str((int(digits[-1]) + self.draw.randrange(1, 9)) % 10)
        else:
            digits.append("0")
        other = max(1, int("".join(digits))) * CENT
        one = self.book(other, day, f"{reference} {party}")
        text = self.damaged(f"TRF {reference} {party}")
        self.label(
            "slip" if other != amount else "single",
            [one],
            [self.post(amount, self.later(day), text)],
        )

    def void(self) -> None:
        """A payment, its void and its reissue; the bank shows the last."""
        amount, day, party, reference = -self.amount(), self.day(), self.party(), self.reference()
        again = self.reference()
        self.book(amount, day, f"{reference} {party}")
        self.book(-amount, day + timedelta(days=2), f"VOID {reference} {party}")
        last = self.book(amount, day + timedelta(days=3), f"REISSUE {again} {party}")
        text = self.bank_text(party, again)
        self.label(
            "reissue", [last], [self.post(amount, self.later(day + timedelta(days=3)), text)]
        )

    def returned(self) -> None:
        """A deposit that the bank takes back; half of the ledgers book it."""
        amount, day, party, reference = self.amount(), self.day(), self.party(), self.reference()
        one = self.book(amount, day, f"{reference} {party}")
        came = self.later(day)
        self.label("returned", [one], [self.post(amount, came, self.bank_text(party, reference))])
        back = came + timedelta(days=self.draw.randrange(2, 6))
        line = self.post(-amount, back, self.damaged(f"RETURNED ITEM {reference}"))
        if self.draw.random() < 0.5:
            two = self.book(-amount, back, f"NSF {reference} {party}")
            self.label("returned", [two], [line])

    def equals(self) -> None:
        """Equal amounts on one day."""
        amount, day = self.amount(), self.day()
        for _ in range(self.draw.randrange(2, 5)):
            self.single(amount, day, "equal")

    def one_sided(self) -> None:
        """A row that the other side does not know."""
        chance = self.draw.random()
        if chance < 0.4:
            self.book(self.amount(), self.day(), f"{self.reference()} {self.party()}")
        elif chance < 0.7:
            self.post(
                -self.draw.choice((500, 1000, 1500, 2500)) * CENT, self.day(), "SERVICE CHARGE"
            )
        else:
            self.post(self.amount(), self.day(), self.bank_text(self.party(), self.reference()))

    def offsetting(self) -> None:
        """A booking and its correction; the bank knows neither."""
        amount, day, text = self.amount(), self.day(), f"{self.reference()} {self.party()}"
        self.book(amount, day, text)
        self.book(-amount, day + timedelta(days=self.draw.randrange(4)), f"CORR {text}")

    def prior(self) -> None:
        """The bank shows now what was booked before the period."""
        amount = self.amount() * self.draw.choice((1, -1))
        self.post(amount, self.day(), self.bank_text(self.party(), self.reference()))

    def write(self) -> Books:
        """Write until both sides have the rows that were asked for."""
        style = self.style
        average = (2 + style.largest) / 2
        stories: list[tuple[Callable[[], None], float]] = [
            (self.single, 0.62),
            (self.deposit, style.deposits / average),
            (self.split, 0.012),
            (self.fee, 0.03),
            (self.slip, 0.025),
            (self.void, 0.012),
            (self.returned, 0.012),
            (self.equals, 0.02),
            (self.one_sided, 0.05),
            (self.offsetting, 0.01),
            (self.prior, 0.01),
        ]
        told = [story for story, _ in stories]
        weights = [weight for _, weight in stories]
        while len(self.books.ledger) < self.rows:
            self.draw.choices(told, weights)[0]()
        return self.books


def write_books(style: Style, seed: int, rows: int) -> Books:
    """Return a ledger of so many rows, the bank beside it, and the truth."""
    return Writer(style, seed, rows).write()
