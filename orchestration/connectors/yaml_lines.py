"""YAML with the line of every part, for messages that point at what is wrong.

What belongs here: reading safe YAML, keys that are given twice, `file:line` of a path. What does
not: what a document means. Only `orchestration.connectors` imports this.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

YamlPath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class YamlDocument:
    """One YAML file: its content, and the line of each path in it (from 1)."""

    file: str
    content: Any
    lines: Mapping[YamlPath, int]

    def at(self, path: YamlPath) -> str:
        """Return `file:line` of the nearest line known for a path."""
        for length in range(len(path), -1, -1):
            if path[:length] in self.lines:
                return f"{self.file}:{self.lines[path[:length]]}"
        return f"{self.file}:1"


def spell(path: YamlPath) -> str:
    """Return a path in words; empty for the whole document."""
    return ".".join(str(part) for part in path if part != "[key]")


def yaml_problem(shown: str, error: Exception) -> str:
    """Return one sentence about a file that is no YAML."""
    mark = getattr(error, "problem_mark", None)
    line = mark.line + 1 if mark is not None else 1
    what = getattr(error, "problem", None) or str(error)
    return f"{shown}:{line}: not readable as YAML: {what}"


def read_yaml(path: Path, shown: str) -> tuple[YamlDocument, list[str]]:
    """Return a YAML file with its lines, and each key that it gives twice.

    Args:
        path: The file.
        shown: How messages name it.

    Raises:
        yaml.YAMLError, UnicodeDecodeError, RecursionError: It is no YAML (see `yaml_problem`).
    """
    loader = _Loader(path.read_text(encoding="utf-8"))
    lines: dict[YamlPath, int] = {(): 1}
    problems: list[str] = []
    try:
        node = loader.get_single_node()
        content = None if node is None else _build(loader, node, (), lines, shown, problems)
    finally:
        loader.dispose()
    return YamlDocument(shown, content, lines), problems


# The loader in C is eight times as fast where the library was built with it.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _build(
    loader: Any,
    node: yaml.Node,
    path: YamlPath,
    lines: dict[YamlPath, int],
    shown: str,
    problems: list[str],
) -> Any:
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        built: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            key = loader.construct_object(key_node, deep=True)
            below = (*path, key)
            if key in built:
                line = key_node.start_mark.line + 1
                problems.append(f"{shown}:{line}: {spell(below)}: given twice; keep one")
            lines[below] = key_node.start_mark.line + 1
            built[key] = _build(loader, value_node, below, lines, shown, problems)
        return built
    if isinstance(node, yaml.SequenceNode):
        return [
            _build(loader, child, (*path, index), lines, shown, problems)
            for index, child in enumerate(node.value)
        ]
    return loader.construct_object(node, deep=True)
