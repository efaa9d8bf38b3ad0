"""People are shown by name, their ids on hover; in downloads, and where no name is kept, by id."""

import re

import pytest
from sqlalchemy import update

from console import formats
from console.people import People
from orchestration.ledger.store import open_ledger
from orchestration.ledger.tables import private_texts
from tests.console.people import open_console
from tests.integration.run_homes import copy_home

NAMES = {"per-ines": "Ines Aldren", "u.7": "<b>Bo</b>", "per": "Pelle"}
INES = '<span class="person" title="per-ines">Ines Aldren</span>'


@pytest.fixture(scope="module")
def named(first_run, tmp_path_factory):
    """A console over a home whose ledger knows the people of the samples."""
    opened = open_console(copy_home(first_run[0], tmp_path_factory.mktemp("people")))
    yield opened
    opened.close()


def test_a_name_has_its_id_on_hover_and_an_unknown_id_stands_alone():
    people = People(lambda: NAMES)
    assert people.shown("per-ines") == INES
    assert people.shown("per-x<") == "per-x&lt;"
    assert people.shown("u.7") == '<span class="person" title="u.7">&lt;b&gt;Bo&lt;/b&gt;</span>'
    assert people.shown("engine:run_3") == "run 3"
    assert people.shown("engine:run_3", begins=True) == "Run 3"
    assert people.shown("lower", begins=True) == "lower"
    assert people.shown(None) == people.shown("") == formats.NOTHING


def test_a_sentence_names_people_where_it_has_their_ids():
    people = People(lambda: NAMES)
    assert people.named("Asked by per-ines, not by per-inesa <i>.") == (
        f"Asked by {INES}, not by per-inesa &lt;i&gt;."
    )
    assert people.named("(per-ines).") == f"({INES})."
    assert people.named(None) == ""


def test_names_are_read_once_and_only_when_asked_for():
    asked = []
    people = People(lambda: asked.append(1) or NAMES)
    assert not asked
    people.shown("per-ines")
    people.named("per-ines")
    assert asked == [1]
    assert people.ids_of("aLD") == ["per-ines"]
    assert people.ids_of(" ") == []


@pytest.mark.parametrize(
    "path", ["/orders/SO-26007", "/orders?account=per-ines", "/forecast", "/settings", "/accounts"]
)
def test_pages_show_names(named, path):
    role = "sales" if path == "/settings" else "administrator"
    page = named.client(role).get(path).text
    assert INES in page
    # The id stands in titles, addresses and fields alone.
    visible = re.sub(r"<[^>]*>", " ", page)
    assert "per-ines" not in visible


def test_downloads_keep_ids(named):
    text = named.client("finance").get("/orders.csv").text
    assert "per-ines" in text
    assert "Ines Aldren" not in text


def test_the_trail_is_searched_by_name_or_id(named):
    control = named.client("control")
    assert "Ines" not in control.get("/audit?actor=nobody-of-that-name").text
    by_id = control.get("/audit/export.csv?actor=engine:run_1").text
    assert len(by_id.splitlines()) > 1


def test_a_name_that_was_erased_is_gone_at_once(named):
    settings = named.state.config.settings
    assert named.state.desk.names()["per-ines"] == "Ines Aldren"
    with open_ledger(settings.ledger_database) as ledger, ledger.write() as connection:
        connection.execute(update(private_texts).values(text=None))
    page = named.client("administrator").get("/orders/SO-26007").text
    assert "Ines Aldren" not in page
    assert "account of per-ines" in page
