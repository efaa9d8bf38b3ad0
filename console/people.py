"""People by name: what stands on a page for an id of somebody.

What belongs here: the names that the ledger keeps, and how they are shown. What does not: who may
act (`orchestration.ledger.people`). Downloads keep ids: names can be erased, and files cannot.
"""

from collections.abc import Callable, Mapping

from markupsafe import Markup, escape

from console import formats

Names = Callable[[], Mapping[str, str]]


class People:
    """The names of one request, read when the first of them is asked for."""

    def __init__(self, read: Names) -> None:
        """`read` returns the names by person id."""
        self._read = read
        self._names: Mapping[str, str] | None = None

    def name(self, person_id: str | None) -> str:
        """The name of somebody; the id where none is known, the run where nobody acted."""
        return self._known().get(person_id or "") or formats.actor(person_id)

    def shown(self, person_id: str | None) -> Markup:
        """The name with the id to be seen on hover; alone where both are the same."""
        name = self.name(person_id)
        if name == person_id or name == formats.actor(person_id):
            return escape(name)
        return Markup('<span class="person" title="{}">{}</span>').format(person_id, name)

    def _known(self) -> Mapping[str, str]:
        if self._names is None:
            self._names = self._read()
        return self._names
