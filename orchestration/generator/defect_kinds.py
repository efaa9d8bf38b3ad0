"""The shape of a defect: one row of a table with one function.

What belongs here: the types. What does not: any defect (`payment_defects`, `delivery_defects`,
`gate_defects`).
Only the generator imports this.
"""

from collections.abc import Callable
from dataclasses import dataclass

from orchestration.generator.chunk import Chunk
from orchestration.generator.draws import Bools, Ints
from orchestration.generator.payments import is_live
from orchestration.generator.world import World

# Sequence of a payment, and parcel of a shipment, that exist only because of a defect.
ADDED = 9


@dataclass(frozen=True, slots=True)
class Mark:
    """What is wrong with each of the chosen orders.

    Attributes:
        minor: Size of the difference in minor units, never negative.
        sequence: Last part of the id of the document that shows it.
    """

    minor: Ints
    sequence: Ints | int = 0


Injector = Callable[[World, Chunk, Ints], tuple[Chunk, Mark]]


@dataclass(frozen=True, slots=True)
class Defect:
    """One class of defect.

    Attributes:
        code: The exception that must be found.
        leg: Where it shows; None when it shows before any leg.
        weight: How often, against the other classes that the order could have.
        stream: Stream of the document that shows it; `orders` when a document is lacking.
        of_order: Whether the exception belongs to the order, or to a document of no order.
        eligible: Which orders of a chunk can have it, out of those whose legs are past due.
        make: Changes the documents of the orders at these positions.
        note: What was done, for people.
        also: Further exceptions, with their legs, that the order must lead to.
        amends: Whether it is put into amendments, and not into orders that stand alone.
        without_credit: Whether it is put into orders of customers with next to no credit, who get
            no other defect.
    """

    code: str
    leg: str | None
    weight: int
    stream: str
    of_order: bool
    eligible: Callable[[Chunk], Bools]
    make: Injector
    note: str
    also: tuple[tuple[str, str | None], ...] = ()
    amends: bool = False
    without_credit: bool = False


def any_live(chunk: Chunk) -> Bools:
    """Return the confirmed and closed orders."""
    return is_live(chunk.orders)
