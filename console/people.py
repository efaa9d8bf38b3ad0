"""People by name: what stands on a page for an id of somebody.

What belongs here: the names that the ledger keeps, and how they are shown. What does not: who may
act (`orchestration.ledger.people`). Downloads keep ids: names can be erased, and files cannot.
"""

import re
from collections.abc import Callable, Mapping

from markupsafe import Markup, escape

from console import formats

# An id stands between blanks or marks; those that it may hold itself do not end it.
_WORDS = re.compile(r"([A-Za-z0-9][\w@+-]*(?:\.[\w@+-]+)*)")
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

    def shown(self, person_id: str | None, *, begins: bool = False) -> Markup:
        """The name with the id to be seen on hover; a run, or an id without a name, alone.

        `begins` is for the beginning of a sentence, where a run has a capital.
        """
        name = self.name(person_id)
        if name == formats.actor(person_id):
            return escape(name[:1].upper() + name[1:] if begins and name != person_id else name)
        return Markup('<span class="person" title="{}">{}</span>').format(person_id, name)

    def named(self, text: str | None) -> Markup:
        """A sentence that names people by their ids, with their names."""
        parts = [
            self.shown(part) if part in self._known() else escape(part)
            for part in _WORDS.split(text or "")
        ]
        return Markup().join(parts)

    def ids_of(self, text: str) -> list[str]:
        """Ids of people whose names hold a text; to search by name."""
        wanted = text.strip().casefold()
        found = (key for key, name in self._known().items() if wanted in name.casefold())
        return sorted(found) if wanted else []

    def _known(self) -> Mapping[str, str]:
        if self._names is None:
            self._names = self._read()
        return self._names
