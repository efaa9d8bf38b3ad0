"""Several tickets at once, ticked steps of a playbook, and pages exchanged in part (R-O2, R-O3)."""

import re

import pytest

from tests.console.desks import open_desk
from tests.console.people import post
from tests.integration.run_homes import copy_home

TICKS = re.compile(r'name="(t_ex_\w+)" value="(\d+)"')


@pytest.fixture(scope="module")
def desk(first_run, tmp_path_factory):
    """A console whose ledger has a ticket for each published exception."""
    console = open_desk(copy_home(first_run[0], tmp_path_factory.mktemp("bulk")))
    yield console
    console.close()


def shown(client, query: str = "owner=finance") -> dict[str, str]:
    """The boxes of a page of the queue: name and version."""
    return dict(TICKS.findall(client.get(f"/exceptions?{query}").text))


def state_of(desk, name: str) -> dict:
    ticket = name.removeprefix("t_")
    return desk.state.desk.tickets([ticket])[ticket]


def test_chosen_rows_are_given_to_a_person_together(desk):
    finance = desk.client("finance")
    boxes = dict(list(shown(finance).items())[:3])
    answer = post(
        finance, "/exceptions/bulk", "/exceptions", action="assign", person="per-rhea",
        next="/exceptions?owner=finance", **boxes,
    )  # fmt: skip
    assert answer.headers["location"] == "/exceptions?owner=finance&done=3"
    assert {state_of(desk, name)["assignee_id"] for name in boxes} == {"per-rhea"}
    assert "Done: 3 exceptions were changed" in finance.get(answer.headers["location"]).text


def test_when_somebody_was_faster_with_one_nothing_is_done_to_any(desk):
    finance, other = desk.client("finance"), desk.client("finance")
    boxes = dict(list(shown(finance).items())[3:5])
    first, second = boxes
    taken = {"action": "assign", "person": "per-rhea", "next": "/exceptions"}
    post(other, "/exceptions/bulk", "/exceptions", **taken, **{second: boxes[second]})
    before = state_of(desk, first)
    answer = post(
        finance, "/exceptions/bulk", "/exceptions", **(taken | {"person": "per-abel"}), **boxes
    )
    assert answer.status_code == 409
    assert "changed since you looked at it" in answer.text
    assert state_of(desk, first) == before


def test_chosen_rows_are_resolved_with_a_reason_that_auditors_read(desk):
    finance = desk.client("finance")
    boxes = dict(list(shown(finance).items())[5:7])
    fields = {"action": "resolve", "code": "EXPLAINED", "next": "/exceptions", **boxes}
    assert post(finance, "/exceptions/bulk", "/exceptions", **fields).status_code == 409
    fields["reason"] = "One credit note explains both."
    assert post(finance, "/exceptions/bulk", "/exceptions", **fields).status_code == 303
    assert {state_of(desk, name)["state_code"] for name in boxes} == {"resolved"}


def test_nobody_changes_together_what_they_may_not_change_alone(desk):
    boxes = shown(desk.client("control"), "")
    sales = desk.client("sales")
    assert post(
        sales, "/exceptions/bulk", action="assign", person="per-ines", **boxes
    ).status_code == 403  # fmt: skip
    hidden = {name: value for name, value in boxes.items() if name not in shown(sales, "")}
    assert hidden
    answer = post(sales, "/exceptions/bulk", action="comment", reason="Mine?", **hidden)
    assert answer.status_code == 404
    assert post(sales, "/exceptions/bulk", action="undo", **boxes).status_code == 403
    answer = post(sales, "/exceptions/bulk", action="comment", reason="Nothing chosen.")
    assert "Tick at least one" in answer.text


def test_steps_of_the_playbook_are_ticked_with_who_and_when_and_taken_back(desk):
    finance = desk.client("finance")
    path = f"/exceptions/{next(iter(shown(finance))).removeprefix('t_')}"
    step = re.search(r'name="step" value="([0-9a-f]{12}/2)"', finance.get(path).text)[1]
    tick = {"action": "step", "step": step, "done": "1"}
    assert post(finance, path, path, **tick).status_code == 303
    page = finance.get(path).text
    assert page.count('done by <span class="person" title="per-abel">Finance') == 1
    assert post(finance, path, path, **(tick | {"done": "0"})).status_code == 303
    assert "done by" not in finance.get(path).text
    assert post(finance, path, path, action="step", step="2; drop", done="1").status_code == 409


@pytest.mark.parametrize("path", ["/exceptions?severity=high", "/orders", "/overview?days=30"])
def test_a_script_gets_the_content_alone_and_a_reader_the_whole_page(desk, path):
    finance = desk.client("finance")
    part = finance.get(path, headers={"HX-Request": "true"})
    whole = finance.get(path)
    assert "<h1>" in part.text
    assert '<nav class="side"' not in part.text
    assert '<nav class="side"' in whole.text
    assert part.headers["vary"] == whole.headers["vary"] == "HX-Request"
    restored = finance.get(
        path, headers={"HX-Request": "true", "HX-History-Restore-Request": "true"}
    )
    assert "<!doctype html>" in restored.text
