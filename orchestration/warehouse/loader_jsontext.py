"""Finding the records inside a JSON document without holding the document.

What belongs here: walking to the list of records and decoding one after the other from a window of
the text. What does not: what a record means. `loader_json` imports this.
"""

import codecs
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from orchestration.warehouse.loader_faults import Refused

RECORDS_MISSING = (
    "the list of records is not where the contract says; set records_path in the contract or "
    "deliver a list"
)
_BLANKS = " \t\r\n"
_BLANK_RUN = re.compile(r"[ \t\r\n]*")


class JsonText:
    """A window that moves over a JSON document."""

    def __init__(self, source: Iterator[bytes], limit: int, decoder: json.JSONDecoder) -> None:
        """Prepare to read UTF-8 pieces; no value longer than `limit` is decoded."""
        self._source = source
        self._utf8 = codecs.getincrementaldecoder("utf-8-sig")()
        self._decoder = decoder
        self._limit = limit
        self._window = ""
        self._at = 0
        self._line = 1
        self._ended = False

    def records(self, path: Sequence[str]) -> Iterator[tuple[int, Any, int]]:
        """Yield (line, record, length) of the list at a path, then read to the document's end.

        Raises:
            LookupError: There is no list at that path.
            Refused: The document is cut off or no JSON.
        """
        for step in path:
            self._enter(step)
        if self._peek() != "[":
            at = ".".join(path) or "the top"
            raise LookupError(f"no list at {at}")
        self._at += 1
        yield from self._elements()
        for _ in path:
            self._leave()
        if self._peek() != "":
            raise Refused("A9", "text follows the end of the JSON document; remove it")

    def _elements(self) -> Iterator[tuple[int, Any, int]]:
        if self._peek() == "]":
            self._at += 1
            return
        while True:
            self._peek()
            line = self._line
            value, length = self._value()
            yield line, value, length
            mark = self._peek()
            self._at += 1
            if mark == "]":
                return
            if mark != ",":
                raise self._broken()

    def _enter(self, name: str) -> None:
        """Move to the value of a name in the object ahead."""
        if self._peek() != "{":
            raise LookupError(f"no object around {name!r}")
        self._at += 1
        while self._peek() != "}":
            key, _ = self._value()
            if self._peek() != ":":
                raise self._broken()
            self._at += 1
            if key == name:
                return
            self._skip()
            if self._peek() == ",":
                self._at += 1
        raise LookupError(f"no {name!r}")

    def _leave(self) -> None:
        """Read to the end of the object that was entered."""
        while (mark := self._peek()) == ",":
            self._at += 1
            self._value()
            if self._peek() != ":":
                raise self._broken()
            self._at += 1
            self._skip()
        if mark != "}":
            raise self._broken()
        self._at += 1

    def _skip(self) -> None:
        """Pass one value of any length."""
        opened = self._peek()
        if opened not in ("{", "["):
            self._value()
            return
        depth = 0
        while True:
            mark = self._peek()
            if mark == '"':
                self._value()
                continue
            if mark == "":
                raise self._broken()
            self._at += 1
            depth += (mark in "{[") - (mark in "}]")
            if depth == 0:
                return

    def _peek(self) -> str:
        """Return the next character that is not blank, without taking it; empty at the end."""
        while True:
            match = _BLANK_RUN.match(self._window, self._at)
            end = match.end() if match else self._at
            self._line += self._window.count("\n", self._at, end)
            self._at = end
            if self._at < len(self._window):
                return self._window[self._at]
            if not self._more():
                return ""

    def _more(self) -> bool:
        """Move the window on; False when the text has ended."""
        if self._ended:
            return False
        piece = next(self._source, None)
        text = self._utf8.decode(piece or b"", piece is None)
        self._ended = piece is None
        self._window = self._window[self._at :] + text
        self._at = 0
        return bool(text) or not self._ended

    def _value(self) -> tuple[Any, int]:
        """Decode the value ahead; what runs to the window's edge is tried again with more."""
        self._peek()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._window, self._at)
            except json.JSONDecodeError:
                whole = False
            else:
                whole = end < len(self._window) or self._ended
                if whole:
                    length = end - self._at
                    self._line += self._window.count("\n", self._at, end)
                    self._at = end
                    return value, length
            if len(self._window) - self._at > self._limit:
                raise Refused(
                    "A15",
                    f"line {self._line}: a record is longer than {self._limit} characters "
                    "(max_line_bytes) or is no JSON; correct the file",
                )
            if not self._more():
                raise self._broken()

    def _broken(self) -> Refused:
        if self._ended and self._at >= len(self._window.rstrip(_BLANKS)):
            return Refused("A4", "the JSON document ends too early; deliver it again")
        near = self._window[self._at : self._at + 40]
        return Refused("A9", f"line {self._line}: no JSON near {near!r}; correct the file")
