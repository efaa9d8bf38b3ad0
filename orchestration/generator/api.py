"""Generated extracts: the two things that the rest of Meshline asks of this package.

What belongs here: walking over the orders in bounded memory and writing what was asked for.
What does not: how an order looks (`orders` and its neighbours), how a defect is made (`defects`).
The command line, tests and benchmarks import this.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np

from orchestration.core.errors import UsageRefused
from orchestration.generator import layouts, reference
from orchestration.generator.chunk import Chunk, build_chunk
from orchestration.generator.defects import inject
from orchestration.generator.draws import Draws, Ints
from orchestration.generator.files import ExtractFiles
from orchestration.generator.frames import Frame
from orchestration.generator.settlement import Settlement
from orchestration.generator.settlement_defects import spoil_batches
from orchestration.generator.truth import ExpectedException, write_truth
from orchestration.generator.world import DAY, HOUR, SETTLED_DAYS, WINDOW_DAYS, World

CHUNK_ORDERS = 50_000
DEFAULT_AS_OF = datetime(2026, 7, 1, tzinfo=UTC)
Progress = Callable[[int, int], None]

REFERENCE_STREAMS: Mapping[str, Callable[[World], layouts.Columns]] = {
    "customers": reference.customers,
    "people": reference.people,
    "products": reference.products,
    "price_book": reference.price_book,
    "sellers": reference.sellers,
    "contracts": reference.contracts,
    "fx_rates": reference.fx_rates,
}
# Stream, where its rows stand in a chunk, its layout, and its column of money.
CHUNK_STREAMS: tuple[tuple[str, str, layouts.Layout, str | None], ...] = (
    ("orders", "orders", layouts.orders, "total"),
    ("order_lines", "lines", layouts.order_lines, None),
    ("payments", "payments", layouts.payment_rows, "amount"),
    ("shipments", "shipments", layouts.shipments, None),
    ("shipment_lines", "shipment_lines", layouts.shipment_lines, None),
    ("invoices", "invoices", layouts.invoices, "total"),
    ("invoice_lines", "invoice_lines", layouts.invoice_lines, "net"),
    ("seller_statements", "statements", layouts.seller_statements, "net"),
)
STREAMS = frozenset(
    {*REFERENCE_STREAMS, *(name for name, *_ in CHUNK_STREAMS)}
    | {"settlement_lines", "settlement_batches", "bank_lines"}
)


@dataclass(frozen=True, slots=True)
class GenerateReport:
    """What was written.

    Attributes:
        folder: The landing folder; the extract is in `generic/` under it, the truth in `truth/`.
        as_of: Moment at which the extract is taken: a run at that time finds what `truth/` says.
        orders: Number of orders.
        rows: Rows per stream; a stream without rows has no file.
        defects: Expected exceptions per class.
    """

    folder: Path
    as_of: datetime
    orders: int
    rows: Mapping[str, int]
    defects: Mapping[str, int]


def generate(
    out: Path,
    orders: int,
    seed: int = 1,
    defect_rate: Decimal = Decimal(0),
    as_of: datetime | None = None,
    *,
    streams: Iterable[str] | None = None,
    progress: Progress | None = None,
) -> GenerateReport:
    """Write `<out>/generic/<stream>.csv` and `<out>/truth/`; same arguments, same bytes.

    Args:
        out: A landing folder; made if it is not there.
        orders: How many, 1 to 800,000,000.
        seed: Another seed is another world.
        defect_rate: Share of orders with one defect each, 0 to 1; above a half, as many as can be.
        as_of: Moment at which the extract is taken, aware; orders lie in the 60 days before it, and
            the youngest still wait for documents. Default: a fixed moment four days after the last
            order, when every document has been reported, so that a run at any later time finds
            what the truth says.
        streams: Names of the streams to write; default all.
        progress: Called with orders done and orders in all.

    Raises:
        UsageRefused: An argument is out of range; lists all of them.
    """
    wanted = _checked(orders, defect_rate, as_of, streams)
    world = first_world(orders, seed, as_of)
    settlement = Settlement(world)
    expected: list[ExpectedException] = []
    per_million = int(defect_rate * 1_000_000)
    with ExtractFiles(out / "generic", wanted) as files:
        for stream, layout in REFERENCE_STREAMS.items():
            files.add(stream, layout(world))
        for numbers in chunks(np.arange(orders, dtype=np.int64)):
            chunk, found = inject(world, build_chunk(world, numbers), per_million)
            expected += found
            write_chunk(files, world, chunk)
            write_settlement_lines(files, world, settlement.lines(chunk.payments))
            if progress:
                progress(int(numbers[-1]) + 1, orders)
        write_settlement_lines(files, world, settlement.carried())
        batches, bank, found = spoil_batches(world, settlement.batches(), per_million)
        expected += found
        files.add("settlement_batches", layouts.settlement_batches(world, batches))
        files.count("settlement_batches", batches["stated"], batches["currency"])
        files.add("bank_lines", layouts.bank_lines(world, bank))
        files.count("bank_lines", bank["net"], bank["currency"])
    write_truth(out / "truth", expected, files.rows, files.sums)
    defects = Counter(one.exception_code for one in expected)
    moment = datetime.fromtimestamp(world.as_of, UTC)
    return GenerateReport(out, moment, orders, dict(files.rows), dict(sorted(defects.items())))


def first_world(orders: int, seed: int, as_of: datetime | None) -> World:
    """Return the world whose first extract is taken at `as_of`; None: when all is reported."""
    moment = int((as_of or DEFAULT_AS_OF).timestamp())
    youngest = HOUR if as_of else SETTLED_DAYS * DAY
    return World(Draws(seed), orders, moment, moment, WINDOW_DAYS * DAY - youngest, youngest)


def _checked(
    orders: int, defect_rate: Decimal, as_of: datetime | None, streams: Iterable[str] | None
) -> frozenset[str]:
    """Return the streams to write, or refuse all faulty arguments at once."""
    wanted = STREAMS if streams is None else frozenset(streams)
    faults = []
    if not 1 <= orders <= 800_000_000:
        faults.append(f"orders is {orders}: give a number from 1 to 800000000")
    if not 0 <= defect_rate <= 1:
        faults.append(f"the defect rate is {defect_rate}: give a share from 0 to 1, such as 0.02")
    if as_of is not None and as_of.tzinfo is None:
        faults.append(f"as-of {as_of.isoformat()} has no time zone: add one, such as Z")
    if unknown := sorted(wanted - STREAMS):
        known = ", ".join(sorted(STREAMS))
        faults.append(f"no stream is named {', '.join(unknown)}: choose from {known}")
    if faults:
        raise UsageRefused("Nothing was generated.\n" + "\n".join(f"- {one}" for one in faults))
    return wanted


def chunks(numbers: Ints) -> Iterator[Ints]:
    """Yield the numbers in pieces of bounded size."""
    for start in range(0, len(numbers), CHUNK_ORDERS):
        yield numbers[start : start + CHUNK_ORDERS]


def write_chunk(files: ExtractFiles, world: World, chunk: Chunk) -> None:
    """Append the chunk to every wanted stream."""
    for stream, attribute, layout, amount in CHUNK_STREAMS:
        if not files.wants(stream):
            continue
        rows = getattr(chunk, attribute)
        files.add(stream, layout(world, rows))
        if amount:
            files.count(stream, *_readable(rows, amount))


def _readable(rows: Frame, amount: str) -> tuple[Ints, Ints]:
    """Return amounts and currencies of the rows where both can be read."""
    if "refused" not in rows.columns:
        return rows[amount], rows["currency"]
    read = (rows["refused"] == 0) | (rows["refused"] > layouts.REFUSED_CURRENCY)
    return rows[amount][read], rows["currency"][read]


def write_settlement_lines(files: ExtractFiles, world: World, lines: Frame) -> None:
    """Append settlement lines where they are wanted."""
    if files.wants("settlement_lines") and len(lines):
        files.add("settlement_lines", layouts.settlement_lines(world, lines))
        files.count("settlement_lines", lines["net"], lines["currency"])
