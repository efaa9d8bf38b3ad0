"""What handlers ask for: the console's parts, the viewer, the data as they may see it.

What belongs here: dependencies of routes. What does not: anything a page shows.
"""

from collections.abc import Iterator
from typing import Annotated

from fastapi import Depends, Path, Request

from console.access.viewer import Viewer
from console.data import Data
from console.state import State


def the_state(request: Request) -> State:
    """The parts of this console."""
    state: State = request.app.state.console
    return state


def the_viewer(request: Request) -> Viewer:
    """Who is signed in; the guard let nobody else in."""
    viewer: Viewer = request.state.viewer
    return viewer


def the_data(request: Request) -> Iterator[Data]:
    """The publication of this request, pinned until the answer is made."""
    state: State = request.app.state.console
    with state.snapshots.pin() as published:
        request.state.published = published
        yield Data(published, request.state.viewer, state.answers)


# A number in an address, as large as the databases can hold.
Number = Annotated[int, Path(ge=1, le=2**62)]
Parts = Annotated[State, Depends(the_state)]
Me = Annotated[Viewer, Depends(the_viewer)]
Marts = Annotated[Data, Depends(the_data)]
