"""What the first visitor of a publication would wait for, asked before anybody comes.

What belongs here: which answers, and when. What does not: the questions (their pages have them).

Figures over all orders take seconds with a million of them. They are asked once for each
publication, without limits, which is what most roles see; the answers stay in the shared cache.
"""

import threading

from console.access.viewer import Viewer
from console.data import Data
from console.pages.exceptions import Choice, read_facets, read_page
from console.pages.orders import ask_ahead
from console.pages.overview import FEEDS, read_figures
from console.pages.panels import panels_of, read_lens
from console.pages.quality import read_targets
from console.pages.runs import CHANGES
from console.pages.settlements import LIST, TOTALS
from console.pilot import choose_scope, read_pilot
from console.state import State
from orchestration.core.errors import ReconError
from orchestration.reading.quality import TYPES
from orchestration.warehouse.reader import NothingPublished

SECONDS_BETWEEN_LOOKS = 5.0
ROLE = "administrator"


def keep_warm(state: State, stop: threading.Event) -> None:
    """Ask for each publication as it comes, until stopped."""
    known = None
    while not stop.is_set():
        try:
            with state.snapshots.pin() as published:
                if published.path != known:
                    warm(state, Data(published, without_limits(state), state.answers))
                    known = published.path
        except (NothingPublished, ReconError):
            known = None
        stop.wait(SECONDS_BETWEEN_LOOKS)


def warm(state: State, data: Data) -> None:
    """Ask what the first pages of a publication show."""
    lens = read_lens(data)
    read_figures(data, lens)
    if data.has("platform_feed_health"):
        data.rows(FEEDS)
    for page in state.policy.areas:
        panels_of(state, data, page, lens)
    plain = Choice({}, "", "", "urgency", lens.as_of)
    read_page(data, plain, "")
    read_facets(data)
    ask_ahead(data)
    data.rows(TOTALS, q="", only="")
    data.rows(LIST, q="", only="", after="")
    data.rows(CHANGES)
    data.rows(TYPES, **lens.values)
    read_targets(data, lens)
    read_pilot(data, choose_scope(data, "", "", ""))


def without_limits(state: State) -> Viewer:
    """A viewer without limits; only answers are kept, and each is asked for by who may see it."""
    return Viewer(0, "", "", ROLE, state.policy.roles[ROLE], None, (), "")
