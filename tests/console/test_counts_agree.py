"""R-V1: what a card counts is what the list behind it shows, whatever the page looks at."""

import re
from html import unescape

import pytest

PAGES = ("/overview", "/value", "/forecast")
LENSES = ("", "tier=tier_3", "segment=commerce&currency=USD", "tier=tier_2&segment=enterprise")
# The column that counts what the list lists.
COUNTED = {"/exceptions": "Open", "/orders": "Orders"}


@pytest.fixture(scope="module")
def finance(console):
    return console.client("finance")


def number_in(text: str) -> int:
    return int(re.search(r"[\d,]+", re.sub(r"<[^>]+>", " ", text))[0].replace(",", ""))


def listed(client, address: str) -> int:
    """How many rows a list says that it has."""
    page = client.get(unescape(address)).text
    found = re.search(r"<strong>([\d,]+)</strong>\s*(?:exception|order)", page)
    return int(found[1].replace(",", "")) if found else 0


def rows_of(page: str):
    """Yield the address and the count of each panel row that leads to a list."""
    for panel in re.findall(r'<section class="card panel.*?</section>', page, re.DOTALL):
        heads = [re.sub("<[^>]+>", "", one) for one in re.findall(r"<th [^>]*>(.*?)</th>", panel)]
        for row in re.findall(r"<tr>(.*?)</tr>", panel, re.DOTALL):
            address = re.search(r'href="((/exceptions|/orders)\?[^"]+)"', row)
            cells = re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL)
            if address and len(cells) == len(heads) and COUNTED[address[2]] in heads:
                yield address[1], number_in(cells[heads.index(COUNTED[address[2]])])


@pytest.mark.parametrize("lens", LENSES)
def test_a_row_of_a_panel_counts_what_its_list_shows(finance, lens):
    told = {
        address: count
        for path in PAGES
        for address, count in rows_of(finance.get(f"{path}?{lens}").text)
    }
    assert len(told) >= 8
    assert {address: listed(finance, address) for address in told} == told


@pytest.mark.parametrize("lens", LENSES)
@pytest.mark.parametrize("path", ["/overview", "/exceptions"])
@pytest.mark.parametrize("role", ["finance", "sales", "platform"])
def test_a_tile_counts_what_its_list_shows(console, role, path, lens):
    client = console.client(role)
    page = client.get(f"{path}?{lens}").text
    tiles = re.findall(r'<a class="tile[^"]*" href="(/exceptions[^"]*)">(.*?)</a>', page, re.DOTALL)
    told = {
        address: number_in(re.search(r'class="figure[^"]*">(.*?)<', tile)[1])
        for address, tile in tiles
    }
    assert told
    assert {address: listed(client, address) for address in told} == told


def test_a_choice_that_changes_no_figure_of_a_page_is_not_offered(finance):
    page = finance.get("/sellers").text
    assert 'name="tier"' in page
    assert 'name="segment"' not in page
    assert 'name="currency"' not in page
