"""The console in a real browser: signed in, filtered, opened, dark, narrow, without scripts."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe

PAGES = ("/overview", "/exceptions", "/orders", "/settlements", "/sellers", "/quality", "/forecast",
         "/value", "/pilot", "/runs", "/rules", "/approvals", "/audit", "/accounts", "/settings",
         "/incidents", "/settled")  # fmt: skip
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
    paths += PAGES if scheme == "light" else ("/overview", "/exceptions", "/audit", "/settings")
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
        keep(page, f"light{path.replace('/', '-')}")
    assert {re.match(r"\w+://[^/]+", url)[0] for url in page.asked} == {address}
    assert page.complaints == []


def test_a_filter_applies_itself_and_a_row_opens(open_as, keep):
    page = open_as("finance")
    page.goto("/exceptions")
    with page.expect_navigation():
        page.select_option("#f-severity", "critical")
    assert "severity=critical" in page.url
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
        keep(page, f"phone{path.replace('/', '-')}")
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
