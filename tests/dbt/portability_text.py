"""A model's text, prepared so that a lint can search SQL and Jinja apart.

What belongs here: masking comments, literals and Jinja. What does not: what is forbidden
(`portability_rules.py`). Only the lint imports this.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ModelText:
    """A model prepared for searching; all views have the length and lines of the original.

    Attributes:
        sql: SQL alone, literals masked by underscores, macro calls that cast shown as `cast(`.
        jinja: Jinja code with its strings, everything else blank.
        doubled: Offsets of doubled quotes inside literals.
        backslashes: Offsets of backslashes inside literals.
    """

    sql: str
    jinja: str
    doubled: tuple[int, ...]
    backslashes: tuple[int, ...]


_CASTING_MACRO = re.compile(r"\b(?:money|rate|quantity|ratio|minor_to_amount|int_div)\w*\(")
_COMMENT = re.compile(r"\{#.*?#\}|--[^\n]*|/\*.*?\*/", re.DOTALL)
_JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_STRING = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", re.DOTALL)
_LITERAL = re.compile(r"'(?:[^']|'')*'")


def prepare(text: str) -> ModelText:
    """Return the views of a model in which the rules search."""
    text = _COMMENT.sub(lambda match: _blank(match[0]), text)
    jinja = list(_blank(text))
    pieces: list[str] = []
    position = 0
    for block in _JINJA.finditer(text):
        jinja[block.start() : block.end()] = block[0]
        pieces += [text[position : block.start()], _sql_in_jinja(block[0])]
        position = block.end()
    pieces.append(text[position:])
    doubled: list[int] = []
    backslashes: list[int] = []

    def mask(match: re.Match[str]) -> str:
        inside = match[0][1:-1]
        start = match.start() + 1
        doubled.extend(start + found.start() for found in re.finditer("''", inside))
        backslashes.extend(start + found.start() for found in re.finditer(r"\\", inside))
        return "'" + re.sub(r"[^\n]", "_", inside) + "'"

    sql = _LITERAL.sub(mask, "".join(pieces))
    return ModelText(sql, "".join(jinja), tuple(doubled), tuple(backslashes))


def _blank(text: str) -> str:
    """The same text with all but its line ends as spaces."""
    return re.sub(r"[^\n]", " ", text)


def _sql_in_jinja(block: str) -> str:
    """Blank a Jinja block but for its strings' content and for calls of macros that cast."""
    kept = list(_blank(block))
    for call in _CASTING_MACRO.finditer(block):
        kept[call.end() - 5 : call.end()] = "cast("
        kept[_closing(block, call.end())] = ")"
    for string in _STRING.finditer(block):
        content = string[0][1:-1]
        if re.fullmatch(r"[\s,|:;/._-]*", content):  # a separator, not SQL
            content = _blank(content)
        kept[string.start() + 1 : string.end() - 1] = content
    return "".join(kept)


def _closing(text: str, start: int) -> int:
    """Offset of the parenthesis that closes what was opened before `start`."""
    depth = 1
    for offset in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[offset], 0)
        if depth == 0:
            return offset
    return len(text) - 1
