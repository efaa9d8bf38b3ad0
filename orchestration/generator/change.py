"""The next extract: what has become new or different since the first one.

What belongs here: choosing the orders that moved, and writing only the rows that differ.
What does not: how an order looks. The benchmarks and tests import this.
"""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np

from orchestration.core.errors import UsageRefused
from orchestration.generator import layouts
from orchestration.generator import world as w
from orchestration.generator.api import (
    STREAMS,
    GenerateReport,
    chunks,
    first_world,
    write_chunk,
    write_settlement_lines,
)
from orchestration.generator.chunk import Chunk, build_chunk
from orchestration.generator.draws import Ints
from orchestration.generator.files import ExtractFiles
from orchestration.generator.frames import Frame
from orchestration.generator.orders import order_frame
from orchestration.generator.settlement import Settlement, bank_lines
from orchestration.generator.world import DAY, WINDOW_DAYS, World

# Days that an order's documents can still change after it was placed: sent, settled, delivered.
_MOVING_DAYS = 10
_LARGEST_FRACTION = Decimal("0.1")


def generate_change(
    out: Path,
    orders: int,
    seed: int = 1,
    fraction: Decimal = Decimal("0.01"),
    as_of: datetime | None = None,
) -> GenerateReport:
    """Write `<out>/generic/<stream>_2.csv`: what the time after the first extract brought.

    The time is `fraction` of the 60 days of the first extract, so every stream grows by about that
    share: new orders, documents that came due, parcels that arrived, and old orders that closed.
    Nothing in it is a defect, and no defect of the first extract is mended by it.

    Args:
        out: A landing folder; may be the first one's, as the names differ.
        orders: Number of orders of the first extract.
        seed: Seed of the first extract.
        fraction: Above 0, up to a tenth.
        as_of: As given for the first extract; the report has the moment of this one.

    Raises:
        UsageRefused: The fraction is out of range.
    """
    if not 0 < fraction <= _LARGEST_FRACTION:
        raise UsageRefused(f"The fraction is {fraction}: give one above 0, up to 0.1, such as 0.01")
    before = first_world(orders, seed, as_of)
    span = int(fraction * WINDOW_DAYS * DAY)
    after = replace(before, known_until=before.as_of + span, window=span)
    settlement = Settlement(after)
    opened = Settlement(before).first_open_day()
    added = np.arange(orders, orders + int(orders * fraction), dtype=np.int64)
    with ExtractFiles(out / "generic", STREAMS, "_2") as files:
        for numbers in chunks(np.concatenate([_moving(before, span), added])):
            now, then = build_chunk(after, numbers), build_chunk(before, numbers[numbers < orders])
            write_chunk(files, after, _news(then, now))
            lines = settlement.lines(now.payments)
            fresh = lines.rows(settlement.day_of(lines["batch"]) >= opened)
            files.add("settlement_lines", layouts.settlement_lines(after, fresh))
        _write_closed(files, after, fraction)
        carried = settlement.carried()
        fresh = carried.rows(settlement.day_of(carried["batch"]) >= opened)
        write_settlement_lines(files, after, fresh)
        batches = settlement.batches()
        batches = batches.rows(batches["day"] >= opened)
        files.add("settlement_batches", layouts.settlement_batches(after, batches))
        files.add("bank_lines", layouts.bank_lines(after, bank_lines(batches)))
    moment = datetime.fromtimestamp(after.known_until, UTC)
    return GenerateReport(out, moment, len(added), dict(files.rows), {})


def _moving(world: World, span: int) -> Ints:
    """Return the orders of the first extract whose documents can still change."""
    since = world.as_of - _MOVING_DAYS * DAY - span
    found = []
    for numbers in chunks(np.arange(world.orders, dtype=np.int64)):
        rows = order_frame(world, numbers)
        found.append(numbers[rows["ordered_at"] > since])
    return np.concatenate(found)


def _news(then: Chunk, now: Chunk) -> Chunk:
    """Return only the rows of `now` that `then` does not have as they are."""
    names = [name for name in Chunk.__dataclass_fields__ if name != "lines"]
    news = {name: _unlike(getattr(then, name), getattr(now, name)) for name in names}
    known = np.isin(now.lines["order"], then.orders["order"])
    return Chunk(lines=now.lines.rows(~known), **news)


def _unlike(then: Frame, now: Frame) -> Frame:
    """Return the rows of `now` that are not in `then`, comparing every column."""
    return now.rows(~np.isin(_as_items(now), _as_items(then)))


def _as_items(rows: Frame) -> np.ndarray:
    """Return each row as one comparable item."""
    matrix = np.ascontiguousarray(np.stack(list(rows.columns.values()), axis=1))
    return matrix.view([("", np.int64)] * matrix.shape[1]).ravel()


def _write_closed(files: ExtractFiles, world: World, fraction: Decimal) -> None:
    """Write the headers of old orders that are closed now; half as many as there are new ones."""
    for numbers in chunks(np.arange(world.orders, dtype=np.int64)):
        per_10_000 = int(fraction * 5_000)
        hit = numbers[world.draws.chance("order.closes", per_10_000, numbers)]
        if not len(hit):
            continue
        orders = build_chunk(world, hit).orders
        old = orders["ordered_at"] < world.as_of - 20 * DAY
        closing = orders.rows(old & (orders["status"] == w.CONFIRMED))
        changed = closing.having(status=w.CLOSED, changed_at=world.known_until)
        files.add("orders", layouts.orders(world, changed))
        files.count("orders", changed["total"], changed["currency"])
