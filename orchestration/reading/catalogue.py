"""The catalogue of the data: each model, what it means, what it is made of, what holds for it.

What belongs here: reading what dbt wrote about its project (`manifest.json` of the home). What does
not: dbt itself, rows, and how the answer looks. The console reads it; nothing is opened but a file.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestration.settings import Settings

KINDS = {"model": "Model", "seed": "Table of the operating model", "source": "Source"}
# What a kind of test means to whoever reads of it: what failing rows are, and what to do.
MEANINGS = {
    "unique_grain": (
        "No two rows have the same {columns}, and none is without it.",
        "Two rows of one key double what is summed over them. Undo the change of the model or rule "
        "that came last, or make the key of the source whole.",
    ),
    "not_null": (
        "{column} is never empty.",
        "Find where the value is lost in the models that this one reads.",
    ),
    "unique": (
        "No two rows have the same {column}.",
        "Remove the second row from the table of the operating model, or close the first.",
    ),
    "accepted_values": (
        "{column} holds listed values only.",
        "Correct the value in the table of the operating model, or list it.",
    ),
    "codes_are_known": (
        "Every code of {column} is in the table that lists them.",
        "Add the code to its table, or correct it.",
    ),
}
_OWN = "Read why it must hold in the test itself; the failing rows are what its query returns."


@dataclass(frozen=True, slots=True)
class Column:
    """One documented column."""

    name: str
    data_type: str
    description: str
    is_required: bool


@dataclass(frozen=True, slots=True)
class DataTest:
    """A test that each run makes of what it built.

    Attributes:
        test_id: As dbt names it.
        name: For people.
        subjects: Keys of the nodes that it reads.
        promise: What holds as long as it passes.
        remedy: What to do when it fails.
        sql: Its query; "" of a test that is a line of a description.
    """

    test_id: str
    name: str
    subjects: tuple[str, ...]
    promise: str
    remedy: str
    sql: str


@dataclass(frozen=True, slots=True)
class Node:
    """A model, a table of the operating model, or a source.

    Attributes:
        key: Schema and name, which is also its address.
        kind: One of `KINDS`.
        schema: Of the warehouse; that of the marts is published.
        name: Of the table or view.
        description: What a row is.
        notes: The comment above the SQL: grain and traps.
        stored_as: table, view, incremental; "" of a source.
        columns: Those that are documented.
        reads: Keys of what it is made from.
        read_by: Keys of what is made from it.
        tests: What each run holds it against.
        proofs: Name and description of the unit tests of its SQL.
        sql: As it is written.
        path: Of the file in the project.
    """

    key: str
    kind: str
    schema: str
    name: str
    description: str
    notes: str
    stored_as: str
    columns: tuple[Column, ...]
    reads: tuple[str, ...]
    read_by: tuple[str, ...]
    tests: tuple[DataTest, ...]
    proofs: tuple[tuple[str, str], ...]
    sql: str
    path: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All nodes by key, and all tests by id."""

    nodes: Mapping[str, Node]
    tests: Mapping[str, DataTest]

    def found(self, words: str) -> list[Node]:
        """Nodes whose name, description or columns have all the words; all for no word."""
        wanted = words.lower().split()
        return [node for node in self.nodes.values() if _has(node, wanted)]


def manifest_of(settings: Settings) -> Path:
    """Where the last run's dbt described its project."""
    return settings.dbt_state / "target" / "manifest.json"


def read_catalogue(path: Path) -> Catalogue | None:
    """Return the catalogue; None when there is no manifest, or a run writes it just now."""
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    entries = {
        **{uid: node for uid, node in manifest["nodes"].items() if node["resource_type"] in KINDS},
        **manifest["sources"],
    }
    keys = {uid: _key(node) for uid, node in entries.items()}
    tests = {
        uid: _test(uid, node, keys)
        for uid, node in sorted(manifest["nodes"].items())
        if node["resource_type"] == "test"
    }
    proofs: dict[str, list[tuple[str, str]]] = {}
    for proof in manifest.get("unit_tests", {}).values():
        told = (proof["name"].replace("_", " "), (proof.get("description") or "").strip())
        for uid in proof["depends_on"]["nodes"][:1]:  # the model that it proves
            proofs.setdefault(uid, []).append(told)
    nodes = {}
    for uid, entry in sorted(entries.items(), key=lambda pair: keys[pair[0]]):
        key = keys[uid]
        nodes[key] = _node(
            entry,
            key,
            _known(entry.get("depends_on", {}).get("nodes", ()), keys),
            _known(manifest["child_map"].get(uid, ()), keys),
            tuple(test for test in tests.values() if key in test.subjects),
            tuple(sorted(proofs.get(uid, ()))),
        )
    return Catalogue(nodes, tests)


def _node(
    entry: Mapping[str, Any],
    key: str,
    reads: tuple[str, ...],
    read_by: tuple[str, ...],
    tests: tuple[DataTest, ...],
    proofs: tuple[tuple[str, str], ...],
) -> Node:
    sql = (entry.get("raw_code") or "").strip()
    return Node(
        key=key,
        kind=entry["resource_type"],
        schema=entry["schema"],
        name=key.partition(".")[2],
        description=" ".join((entry.get("description") or "").split()),
        notes=_comment_above(sql),
        stored_as=entry["config"].get("materialized", ""),
        columns=tuple(_column(column) for column in entry["columns"].values()),
        reads=reads,
        read_by=read_by,
        tests=tests,
        proofs=proofs,
        sql=sql,
        path=entry["original_file_path"].removeprefix("../"),
    )


def _column(column: Mapping[str, Any]) -> Column:
    required = any(each.get("type") == "not_null" for each in column.get("constraints", ()))
    return Column(
        column["name"],
        column.get("data_type") or "",
        " ".join((column.get("description") or "").split()),
        required,
    )


def _test(uid: str, node: Mapping[str, Any], keys: Mapping[str, str]) -> DataTest:
    subjects = _known(node["depends_on"]["nodes"], keys)
    named = node.get("test_metadata")
    if named is None:
        sql = (node.get("raw_code") or "").strip()
        promise = _comment_above(sql)
        name = node["name"].removeprefix("assert_").replace("_", " ")
        return DataTest(uid, name, subjects, promise, _OWN, sql)
    given = named["kwargs"]
    values = {
        "column": given.get("column_name") or "the column",
        "columns": ", ".join(given.get("columns", ())) or "key",
    }
    promise, remedy = MEANINGS.get(named["name"], ("", _OWN))
    of_what = values["column"] if "column_name" in given else values["columns"]
    name = f"{named['name'].replace('_', ' ')}: {of_what}"
    return DataTest(uid, name, subjects, promise.format(**values), remedy, "")


def _known(ids: Iterable[str], keys: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(sorted({keys[each] for each in ids if each in keys}))


def _key(node: Mapping[str, Any]) -> str:
    return f"{node['schema']}.{node.get('identifier') or node.get('alias') or node['name']}"


def _comment_above(sql: str) -> str:
    """The comment with which a file begins, its lines joined unless they begin anew."""
    told: list[str] = []
    for line in sql.splitlines():
        if not line.startswith("--"):
            break
        text = line.removeprefix("--").strip()
        if told and not text.startswith(("Grain:", "Trap:", "Harm prevented:")):
            told[-1] += f" {text}"
        else:
            told.append(text)
    return "\n".join(told)


def _has(node: Node, words: list[str]) -> bool:
    columns = " ".join(column.name for column in node.columns)
    text = f"{node.key} {node.description} {columns}".lower()
    return all(word in text for word in words)
