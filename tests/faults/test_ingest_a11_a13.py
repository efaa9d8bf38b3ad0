"""Faults A11 to A13: headers, names and links that attack."""

import os
import socket

import pytest
from hostile_strings import file_names, hostile_strings
from landed_rows import ORDER_HEADER, csv_text, order, orders, payment
from loader_harness import CANARY, LoaderHarness, assert_canary_unread, time_limit

# A11


def test_a11_hostile_headers_stay_data(harness):
    harness.load_rows("customers.csv", "customer_id\nC-1\n")
    before = harness.table_names()
    names = {text.strip().casefold(): text for text in hostile_strings() if "\x00" not in text}
    corpus, outcomes = list(names.values()), []
    for start in range(0, len(corpus), 50):
        extra = corpus[start : start + 50]
        row = {**order(f"SO-{start}"), **dict.fromkeys(extra, "x")}
        content = csv_text([row], [*ORDER_HEADER, *extra])
        outcomes.append(harness.load_rows(f"orders_{start:04}.csv", content))
        harness.clear_landing()

    assert harness.table_names() == before
    assert harness.rows("select count(*) from raw.generic__customers") == [(1,)]
    assert all(outcome.status in ("loaded", "refused") for outcome in outcomes)
    assert sum(outcome.rows_loaded for outcome in outcomes) >= 4, outcomes
    harness.assert_sound()


@pytest.mark.parametrize(
    "hostile",
    [
        'amount"; drop table raw.files; --',
        "order_id) from raw.files; --",
        "_file_id",
        "_is_deleted",
        "_line",
        "__proto__",
        "select",
        "$.order_id",
        "a.b",
        "ORDER_ID ",
        "💶",
    ],
)
def test_a11_one_hostile_header_is_kept_as_text_only(harness, hostile):
    harness.load_rows("customers.csv", "customer_id\nC-1\n")
    before = harness.table_names()

    outcome = harness.load_rows("orders.csv", [{**order(), hostile: "x"}])

    assert harness.table_names() == before
    if outcome.status == "loaded":
        assert outcome.rows_loaded == 1
        named = harness.rows("select column_name from raw.schema_changes where change = 'added'")
        assert (hostile,) in named or (hostile.strip(),) in named
        kept = harness.stored("_extra, _is_deleted, _line")[0]
        assert kept[1:] == (False, 2)
        assert "x" in kept[0]
    else:
        assert outcome.fault_id in ("A10", "A11")
    harness.assert_sound()


# A12


def test_a12_a_name_with_a_glob_reads_only_itself(harness, workplace):
    secret = workplace / "secret.csv"
    secret.write_text(csv_text([order(CANARY)]))
    harness.land("orders_1.csv", [order("SO-1")])
    for number, name in enumerate(
        ("orders_*.csv", "orders_?.csv", "orders_[0-9a-z].csv", "orders_**.csv", "orders_{1,x}.csv")
    ):
        harness.land(name, [order(f"SO-GLOB-{number}")])
    (harness.settings.landing / "generic" / "orders_x.csv").symlink_to(secret)

    harness.load()

    assert {row[0] for row in harness.stored()} == {"SO-1", *(f"SO-GLOB-{n}" for n in range(5))}
    assert all(o.rows_read == 1 for o in harness.outcomes().values() if o.status == "loaded")
    assert_canary_unread(harness)
    harness.assert_sound()


def test_a12_five_hundred_hostile_names_are_data_only(harness, workplace):
    (workplace / "secret.csv").write_text(csv_text([order(CANARY)]))
    harness.load_rows("customers.csv", "customer_id\nC-1\n")
    before, outside = harness.table_names(), sorted(p.name for p in workplace.iterdir())
    folder = os.fsencode(harness.settings.landing / "generic")
    names = file_names("orders_", ".csv")
    for number, name in enumerate(names):
        with open(os.path.join(folder, name), "wb") as handle:  # noqa: PTH123, PTH118 - bytes
            handle.write(csv_text([order(f"SO-{number}")]).encode())

    report = harness.load()

    assert len(names) >= 500
    ids = {row[0] for row in harness.stored()}
    refused = [file for file in report.files if file.status == "refused"]
    assert len(ids) + len(refused) == len(names)
    assert len(ids) >= 490, f"a name alone is no reason to refuse: {refused[:5]}"
    assert harness.table_names() == before
    assert sorted(p.name for p in workplace.iterdir()) == outside
    assert_canary_unread(harness)
    harness.assert_sound()


def test_a12_archived_names_are_internal(harness):
    harness.load_rows("orders_'; drop table x; --.csv", orders(1))

    names = [path.name for path in harness.settings.files.rglob("*") if path.is_file()]

    assert len(names) == 1
    assert names[0][:64] == harness.rows("select file_id from raw.files")[0][0]
    assert not set(names[0][64:]) - set(".abcdefghijklmnopqrstuvwxyz")


def test_a12_a_name_that_is_not_text_does_not_end_the_run(harness):
    folder = os.fsencode(harness.settings.landing / "generic")
    harness.land("payments.csv", [payment()])
    with open(folder + b"/orders_\xff\xfe.csv", "wb") as handle:  # noqa: PTH123 - bytes
        handle.write(csv_text(orders(1)).encode())

    report = harness.load()

    assert harness.outcome("payments.csv").status == "loaded"
    assert any(file.stream == "orders" for file in report.files) or harness.stored() == []
    harness.assert_sound()


# A13


def put_link(path, target):
    path.symlink_to(target)


def put_hard_link(path, target):
    path.hardlink_to(target)


def put_zero_device(path, _target):
    path.symlink_to("/dev/zero")


def put_pipe(path, _target):
    os.mkfifo(path)


def put_folder(path, target):
    path.mkdir()
    (path / "orders.csv").write_bytes(target.read_bytes())


def put_socket(path, _target):
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.getcwd()  # noqa: PTH109 - the address of a socket is short
        os.chdir(path.parent)
        try:
            listener.bind(path.name)
        finally:
            os.chdir(here)


@pytest.mark.parametrize(
    "put", [put_link, put_hard_link, put_zero_device, put_pipe, put_folder, put_socket]
)
def test_a13_only_regular_files_inside_the_folder_are_read(harness, workplace, put):
    """A hard link is a second name of somebody else's file: it is told by its link count."""
    target = workplace / "secret.csv"
    target.write_text(csv_text([order(CANARY)]))
    harness.land("payments.csv", [payment()])
    put(harness.settings.landing / "generic" / "orders.csv", target)

    with time_limit(20):
        harness.load()

    assert harness.outcome("payments.csv").status == "loaded"
    assert harness.stored() == []
    assert_canary_unread(harness)
    assert_told(harness, "orders.csv")
    harness.assert_sound()


@pytest.mark.parametrize("level", ["source", "landing"])
def test_a13_a_linked_folder_is_not_followed_out_of_the_landing(harness, workplace, level):
    """The landing folder itself is the operator's word and may be a link; a source is not."""
    elsewhere = workplace / "elsewhere"
    (elsewhere / "generic").mkdir(parents=True)
    (elsewhere / "generic" / "orders.csv").write_text(csv_text([order(CANARY)]))
    if level == "source":
        harness.settings.landing.mkdir()
        (harness.settings.landing / "generic").symlink_to(elsewhere / "generic")
        harness.load()
        assert_canary_unread(harness)
    else:
        linked = workplace / "linked"
        linked.symlink_to(elsewhere)
        harness.load(landing=linked)
        assert harness.stored() == [(CANARY,)]


def assert_told(harness: LoaderHarness, name: str) -> None:
    """The name that was not read is known to the run, as A13 or as an ignored name."""
    recorded = harness.outcomes().get(name)
    ignored = getattr(harness.reports[-1], "ignored", ())
    told = [str(reason) for path, reason in ignored if str(path).endswith(name)]
    assert recorded is not None or told, f"nobody says that {name} was not read"
    if recorded is not None:
        assert recorded.fault_id == "A13"
        assert len(recorded.reason.split()) >= 4
    assert all(len(reason.split()) >= 4 for reason in told)
