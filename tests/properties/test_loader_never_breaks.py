"""Whatever bytes land, the loader accounts for each row or refuses the file and says why.

At least 500 generated bad files go through the real loader and share a home.
"""

import gzip
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration.connectors.contracts import load_contracts
from orchestration.settings import PROJECT_ROOT, Settings

sys.path.append(str(Path(__file__).parents[1] / "faults"))

from hostile_strings import hostile_strings
from landed_rows import ORDER_HEADER, csv_text, order, quoted
from loader_harness import STATUSES, LoaderHarness, workplace_folder

FILES_IN_A_BATCH = 30
BATCHES = 20
SEEN: Counter[str] = Counter()
BATCH_NUMBERS = count(1)


@pytest.fixture(scope="module")
def shared() -> Iterator[LoaderHarness]:
    """One home for all batches, with as many copies of the stream `orders` as a batch has files:
    a file with a broken header stops its stream, and the others shall go on."""
    generic = load_contracts(PROJECT_ROOT / "seeds")["generic"]
    contracts = {}
    for source in ("generic", *(source_of(place) for place in range(FILES_IN_A_BATCH))):
        stream = generic.streams["orders"].model_copy(update={"source": source})
        changes = {"source": source, "streams": {"orders": stream}}
        contracts[source] = generic.model_copy(update=changes)
    with workplace_folder() as root:
        limits = {"memory_limit_mb": 1024, "threads": 1}
        made = LoaderHarness(
            Settings(home=root / "home", landing=root / "landing", **limits), contracts
        )
        yield made
        made.close()


def source_of(place: int) -> str:
    """Return the source that the file at this place of a batch comes from."""
    return f"source_{place:02}"


# Mutations: each takes the bytes of a file, two free numbers and a free text.


def truncate(data: bytes, at: int, _more: int, _text: str) -> bytes:
    return data[: at % (len(data) + 1)]


def flip_byte(data: bytes, at: int, more: int, _text: str) -> bytes:
    if not data:
        return data
    place = at % len(data)
    return data[:place] + bytes([data[place] ^ (more % 255 + 1)]) + data[place + 1 :]


def insert_text(data: bytes, at: int, _more: int, text: str) -> bytes:
    place = at % (len(data) + 1)
    return data[:place] + text.encode("utf-8", "surrogatepass") + data[place:]


def delete_range(data: bytes, at: int, more: int, _text: str) -> bytes:
    place = at % (len(data) + 1)
    return data[:place] + data[place + more % 40 :]


def repeat_range(data: bytes, at: int, more: int, _text: str) -> bytes:
    place = at % (len(data) + 1)
    return data[: place + more % 90] + data[place:]


def on_line(data: bytes, at: int, change: Callable[[bytes], bytes]) -> bytes:
    """Change one line of the file, which may be the header."""
    lines = data.splitlines(keepends=True)
    if lines:
        lines[at % len(lines)] = change(lines[at % len(lines)])
    return b"".join(lines)


def add_fields(data: bytes, at: int, more: int, _text: str) -> bytes:
    return on_line(data, at, lambda line: line.rstrip(b"\r\n") + b",x" * (more % 4 + 1) + b"\n")


def drop_field(data: bytes, at: int, _more: int, _text: str) -> bytes:
    return on_line(data, at, lambda line: line.rpartition(b",")[0] + b"\n")


def repeat_line(data: bytes, at: int, more: int, _text: str) -> bytes:
    return on_line(data, at, lambda line: line * (more % 3 + 2))


def twist_line(data: bytes, at: int, more: int, _text: str) -> bytes:
    twin = b"%d" % (more % 10)
    return on_line(data, at, lambda line: line + re.sub(rb"\d\.", twin + b".", line))


def put_cell(data: bytes, at: int, more: int, text: str) -> bytes:
    def change(line: bytes) -> bytes:
        cells = line.rstrip(b"\r\n").split(b",")
        cells[more % len(cells)] = quoted(text).encode("utf-8", "surrogatepass")
        return b",".join(cells) + b"\n"

    return on_line(data, at, change)


def put_header(data: bytes, _at: int, more: int, text: str) -> bytes:
    return put_cell(data, 0, more, text)


def add_column(data: bytes, _at: int, _more: int, text: str) -> bytes:
    lines = data.splitlines()
    cell = quoted(text).encode("utf-8", "surrogatepass")
    return b"".join(
        line + b"," + (cell if number == 0 else b"x") + b"\n" for number, line in enumerate(lines)
    )


def put_quote(data: bytes, at: int, _more: int, _text: str) -> bytes:
    return insert_text(data, at, 0, '"')


def recode(data: bytes, at: int, _more: int, _text: str) -> bytes:
    encoding = ("utf-16", "utf-8-sig", "utf-32", "cp037", "latin-1")[at % 5]
    return data.decode("utf-8", "replace").encode(encoding, "replace")


def change_line_ends(data: bytes, at: int, _more: int, _text: str) -> bytes:
    return data.replace(b"\n", (b"\r\n", b"\r", b"\n\n", b"\n\r", b"\x0b", b"\x00")[at % 6])


MUTATIONS = (
    truncate,
    flip_byte,
    insert_text,
    delete_range,
    repeat_range,
    add_fields,
    drop_field,
    repeat_line,
    twist_line,
    put_cell,
    put_cell,
    put_cell,
    put_header,
    add_column,
    put_quote,
    recode,
    change_line_ends,
)
NUMBERS = st.one_of(
    st.decimals(allow_nan=True, allow_infinity=True).map(str),
    st.floats().map(repr),
    st.integers(-(10**40), 10**40).map(str),
    st.from_regex(r"\A[-+]?[0-9]{0,16}[.,]?[0-9]{0,6}\Z"),
    st.text(alphabet="0123456789.,-+eE_ ٣１", max_size=20),
)
TEXTS = st.one_of(NUMBERS, st.sampled_from(hostile_strings()), st.text(max_size=12))
STEPS = st.tuples(st.sampled_from(MUTATIONS), st.integers(0, 2**16), st.integers(0, 2**16), TEXTS)
EXTENSIONS = st.sampled_from(
    [".csv"] * 12 + [".csv.gz", ".tsv", ".jsonl", ".json", ".parquet", ".json.gz"]
)
BAD_FILES = st.tuples(st.integers(1, 6), st.lists(STEPS, min_size=1, max_size=4), EXTENSIONS)


def bad_file(rows: int, steps: list, extension: str) -> bytes:
    """Return the bytes of a valid extract after the steps, packed as its name says."""
    wanted = [order(f"SO-{n}", f"{n}.25", currency="EUR" if n % 3 else "JPY") for n in range(rows)]
    data = csv_text(wanted, ORDER_HEADER).encode()
    if extension.startswith(".tsv"):
        data = data.replace(b",", b"\t")
    if extension.startswith(".json"):
        records = ",\n".join(
            "{" + ",".join(f'"{name}": "{value}"' for name, value in row.items()) + "}"
            for row in wanted
        )
        data = f"[{records}]" if ".jsonl" not in extension else records.replace(",\n", "\n")
        data = data.encode() + b"\n"
    for change, at, more, text in steps:
        data = change(data, at, more, text)
    return gzip.compress(data) if extension.endswith(".gz") else data


@given(batch=st.lists(BAD_FILES, min_size=FILES_IN_A_BATCH, max_size=FILES_IN_A_BATCH))
@settings(
    max_examples=BATCHES,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
def test_each_of_600_bad_files_is_accounted_for_or_refused_with_a_reason(shared, batch):
    number = next(BATCH_NUMBERS)
    before = shared.table_names() if shared.settings.warehouse.exists() else None
    landed = {}
    for place, (rows, steps, extension) in enumerate(batch):
        name = f"orders_b{number:03}_{place:02}{extension}"
        landed[name] = bad_file(rows, steps, extension)
        shared.land(name, landed[name], source=source_of(place))

    shared.load()
    shared.clear_landing()

    outcomes = shared.outcomes()
    for place, (name, data) in enumerate(landed.items()):
        outcome = outcomes[name]
        assert outcome.status in STATUSES, (name, data, outcome)
        assert outcome.status != "received", (name, data, outcome)
        if outcome.status == "refused":
            table = f"{source_of(place)}__orders"
            assert shared.stored_count(outcome.load_seq, table) == 0, (name, data, outcome)
        SEEN[outcome.status] += 1
        SEEN.update(outcome.row_faults)
        SEEN[outcome.fault_id or "none"] += 1
    shared.assert_sound()
    if before is not None:
        assert shared.table_names() == before


def test_the_bad_files_met_many_different_ends(shared):
    """A generator whose files all fail alike would prove little."""
    if not SEEN:
        test_each_of_600_bad_files_is_accounted_for_or_refused_with_a_reason(shared=shared)
    assert sum(SEEN[status] for status in STATUSES) >= 500
    assert SEEN["loaded"] >= 50
    assert SEEN["refused"] >= 50
    met = {fault for fault in SEEN if re.fullmatch(r"A\d+", fault)}
    assert {"A4", "A9", "A10", "A16", "A17", "A18"} <= met, SEEN


# An independent judge.

EXPONENTS = {"EUR": 2, "JPY": 0, "KWD": 3}
CELLS = st.fixed_dictionaries(
    {
        "total": st.one_of(NUMBERS, st.from_regex(r"\A-?[0-9]{1,15}(\.[0-9]{1,4})?\Z")),
        "currency": st.sampled_from(["EUR", "EUR", "JPY", "KWD", "XXQ", "eur", ""]),
        "ordered_at": st.sampled_from(
            [
                "2026-02-01T10:00:00Z",
                "2026-02-01T10:00:00+05:30",
                "2026-02-01 10:00:00",
                "2026-02-30T10:00:00Z",
                "yesterday",
                "",
            ]
        ),
    }
)


def is_storable(cells: dict[str, str]) -> bool:
    """Judge a row by the amount grammar and nothing of the product's."""
    exponent = EXPONENTS.get(cells["currency"])
    if exponent is None or not cells["ordered_at"].endswith(("T10:00:00Z", "+05:30")):
        return False
    if cells["ordered_at"].startswith("2026-02-30"):
        return False
    decimals = rf"(\.[0-9]{{1,{exponent}}})?" if exponent else ""
    return re.fullmatch(rf"-?[0-9]{{1,13}}{decimals}", cells["total"], re.ASCII) is not None


@given(drawn=st.lists(CELLS, min_size=1, max_size=25))
@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_exactly_the_rows_of_the_grammar_are_stored_with_exactly_their_amount(shared, drawn):
    number = next(BATCH_NUMBERS)
    rows = [order(f"J-{number}-{place}", **cells) for place, cells in enumerate(drawn)]
    good = [order(f"G-{number}-{place}") for place in range(len(drawn) + 2)]

    name = f"orders_j{number:03}.csv"
    outcome = shared.load_rows(name, [*rows, *good])
    shared.clear_landing()

    expected = {
        row["order_id"]: Decimal(row["total_amount"])
        for row, cells in zip(rows, drawn, strict=True)
        if is_storable(cells)
    } | {row["order_id"]: Decimal(10) for row in good}
    stored = shared.rows(
        "select order_id, total_amount from raw.generic__orders where _load_seq = ?",
        outcome.load_seq,
    )
    assert dict(stored) == expected
    read = len(rows) + len(good)
    assert (outcome.rows_read, outcome.rows_rejected) == (read, read - len(expected))
    shared.assert_sound()
