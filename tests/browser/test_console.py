"""The console in a real browser: signed in, filtered, opened, dark, narrow, without scripts."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe

PAGES = ("/overview", "/exceptions", "/orders", "/settlements", "/sellers", "/quality", "/forecast",
         "/value", "/pilot", "/runs", "/rules", "/rules/versions", "/approvals", "/audit",
         "/accounts", "/settings", "/incidents", "/settled", "/catalogue",
         "/catalogue/marts.fct_orders", "/runs/checks",
         "/orders/SO-26007?at=2026-06-11T12:00")  # fmt: skip
RULES = {
    "resultTypes": ["violations"],
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"],
}


def first_exception(page) -> str:
    page.goto("/exceptions")
    return page.locator("td.what a").first.get_attribute("href")


def violations(page) -> list[str]:
    found = Axe().run(page, options=RULES).response["violations"]
    return [
        f"{each['id']}: {node['target']} {node['failureSummary'][:200]}"
        for each in found
        for node in each["nodes"][:3]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_stands_in_the_way_of_anybody(open_as, scheme):
    page = open_as("administrator", scheme=scheme)
    paths = [first_exception(page)]
    for listing in ("/orders?q=SO-260", "/settlements"):
        page.goto(listing)
        paths.append(page.locator("tbody a").first.get_attribute("href"))
    # Colours alone differ in the dark: a page of each kind shows them.
    shown_dark = ("/overview", "/exceptions", "/audit", "/settings", PAGES[-1])
    paths += PAGES if scheme == "light" else shown_dark
    problems = {}
    for path in paths:
        page.goto(path)
        found = violations(page)
        if found:
            problems[path] = found
    assert problems == {}, "\n".join(
        f"{path} {each}" for path, found in problems.items() for each in found
    )


def test_the_sign_in_page_is_open_to_everybody_too(chromium, address):
    page = chromium.new_page(base_url=address)
    page.goto("/sign-in")
    assert violations(page) == []
    page.close()


def test_no_page_asks_anybody_but_the_console_and_none_complains(open_as, address, keep):
    page = open_as("administrator")
    for path in PAGES:
        page.goto(path)
        keep(page, f"light{re.sub(r'[^a-z0-9]', '-', path.lower())}")
    assert {re.match(r"\w+://[^/]+", url)[0] for url in page.asked} == {address}
    assert page.complaints == []


def test_a_filter_applies_itself_and_a_row_opens(open_as, keep):
    page = open_as("finance")
    page.goto("/exceptions")
    page.evaluate("window.isTheSamePage = true")
    page.focus("#f-severity")
    page.select_option("#f-severity", "critical")
    page.wait_for_url("**/exceptions?severity=critical")
    page.locator("#f-severity:focus").wait_for()
    assert page.evaluate("window.isTheSamePage")
    assert set(page.locator("td .severity").all_inner_texts()) == {"Critical"}
    page.locator("td.what a").first.click()
    page.wait_for_url("**/exceptions/ex_*")
    assert page.locator("h2", has_text="What to do").is_visible()
    keep(page, "light-exception")


def test_keys_walk_the_rows_and_find_the_search_field(open_as):
    page = open_as("finance")
    page.goto("/exceptions")
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.locator("tr.row.here").count() == 1
    second = page.locator("td.what a").nth(1).get_attribute("href")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{second}")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "find"


def test_the_switch_of_colours_is_kept(open_as, keep):
    page = open_as("finance")
    page.goto("/overview")
    light = page.evaluate("getComputedStyle(document.body).color")
    page.click("details.account summary")
    page.click("button[value=dark]")
    page.wait_for_load_state()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert page.evaluate("getComputedStyle(document.body).color") != light
    page.goto("/value", wait_until="networkidle")
    keep(page, "dark-value")
    assert "theme=dark" in page.locator("figure img").first.evaluate("image => image.currentSrc")


def test_every_page_fits_a_phone(open_as, keep):
    page = open_as("administrator", width=390)
    widths = {}
    for path in PAGES:
        page.goto(path)
        keep(page, f"phone{re.sub(r'[^a-z0-9]', '-', path.lower())}")
        widths[path] = page.evaluate("document.documentElement.scrollWidth")
    assert {path: width for path, width in widths.items() if width > 390} == {}


def test_everything_works_without_scripts(open_as):
    page = open_as("finance", scripts=False)
    page.goto("/exceptions")
    page.select_option("#f-severity", "high")
    page.click("form.filters button")
    assert "severity=high" in page.url
    page.locator("td.what a").first.click()
    page.locator("h1").wait_for()
    page.click("details.account summary")
    page.click("button[value=dark]")
    assert page.locator("html").get_attribute("data-theme") == "dark"
    page.goto("/value")
    page.locator("details.more summary").first.click()
    assert page.locator("details.more table").first.is_visible()


@pytest.mark.parametrize("scripts", [True, False])
def test_an_order_is_shown_as_it_was_known_at_a_chosen_moment(open_as, scripts):
    page = open_as("finance", scripts=scripts)
    page.goto("/orders/SO-26007")
    page.fill("#f-at", "2026-06-11T12:00:00")
    page.get_by_role("button", name="Show that moment").click()
    page.get_by_text("things stand otherwise now").wait_for()
    changed = page.locator(".known td.changed", has_text="now 25")
    assert changed.inner_text().split() == ["20", "now", "25"]
    page.get_by_role("link", name="12 Jun 2026 00:00").click()
    page.get_by_text("Nothing of it stands otherwise now").wait_for()
    page.get_by_role("link", name="As it stands now").click()
    page.wait_for_url(lambda url: "?at=" not in url)


def test_rows_are_ticked_and_given_to_a_person_together(open_as, keep):
    page = open_as("finance")
    page.goto("/exceptions?owner=finance")
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.locator("[data-tick]").nth(1).check()
    assert page.locator("[data-ticked]").inner_text() == "2"
    person = page.locator("#b-person option").evaluate_all(
        "options => options.map(each => each.value).find(each => each.startsWith('per-rhea'))"
    )
    page.select_option("#b-person", person)
    page.click("#bulk button[value=assign]")
    page.get_by_text("Done: 2 exceptions were changed").wait_for()
    assert page.locator("td", has_text="Rhea Solano").count() >= 2
    assert [said for said in page.complaints if not said.startswith("info")] == []
    keep(page, "light-bulk")


def test_a_write_off_is_asked_for_by_one_and_signed_by_another(open_as, keep):
    page = open_as("finance")
    page.goto("/exceptions?q=SO-26003")
    page.locator("td.what a").first.click()
    page.locator("summary", has_text="Request a write-off").click()
    page.select_option("#request-code", index=1)
    page.fill("#request-why", "Collecting it costs more than it brings.")
    page.click("button[value=request]")
    page.wait_for_url("**/approvals")
    assert page.get_by_text("You asked for this: others sign it.").first.is_visible()
    for role in ("control", "sales_leader", "operations"):
        other = open_as(role)
        other.goto("/approvals")
        keep(other, f"light-approvals-{role}")
        if other.locator("button[value=sign]").count():
            break
    other.locator("input[data-act-first]").first.fill("Looked at the remittance; it holds.")
    other.locator("button[value=sign]").first.click()
    other.wait_for_load_state()
    # A signature of a role that need not sign is refused in words, and the refusal is on record.
    said = other.locator("main").inner_text()
    assert f"({role})" in said.lower() or "on record" in said


def test_a_step_is_ticked_and_a_comment_said_without_leaving_the_page(open_as):
    page = open_as("finance")
    page.goto(first_exception(page))
    page.evaluate("window.isTheSamePage = true")
    page.get_by_role("button", name="Step 1: tick as done").click()
    page.get_by_text("done by Abel Quint").wait_for()
    page.fill("#t-comment", "Asked the customer for the remittance.")
    page.click("button[value=comment]")
    page.get_by_text("Asked the customer for the remittance.").wait_for()
    assert page.evaluate("window.isTheSamePage")
