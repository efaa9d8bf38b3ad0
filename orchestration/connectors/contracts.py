"""Reading source contracts from `seeds/sources/*.yml`.

What belongs here: YAML with line numbers, the shorthands of the files, and the one message that
lists every problem with file and line. What does not: what a contract means (`core.contracts`).
The command line, defs and tests import this.

Shorthands, spelled out on reading: `format` and `extra_columns` of a source hold for each stream
that does not say otherwise; `common_columns` are appended to each stream and `common_key` stands
before each stream's own key; `amount: total_amount` takes its currency from that column; `name`
and `source` come from where a stream stands.
"""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from orchestration.connectors.yaml_lines import (
    YamlPath,
    read_yaml,
    spell,
    yaml_problem,
)
from orchestration.core.contract_rules import contract_problems
from orchestration.core.contracts import SourceContract
from orchestration.core.errors import ContractError
from orchestration.core.zones import zone_names

_SHARED = ("format", "extra_columns", "common_columns", "common_key")


def load_contracts(seeds: Path) -> Mapping[str, SourceContract]:
    """Return the contract of each source, by name.

    Args:
        seeds: The folder that holds `sources/*.yml` and `mappings/currencies.csv`.

    Raises:
        ContractError: Something is wrong; the message lists every problem of every file as
            `file:line: what`.
    """
    currencies = _currency_codes(seeds / "mappings" / "currencies.csv")
    problems: list[str] = []
    contracts: dict[str, SourceContract] = {}
    for path in sorted((seeds / "sources").glob("*.yml")):
        contract, found = _read_contract(path, currencies)
        problems += found
        if contract is not None:
            contracts[contract.source] = contract
    if not contracts and not problems:
        problems.append(f"{seeds / 'sources'}: no source contract (*.yml) there; add one a source")
    if problems:
        noun = "problem" if len(problems) == 1 else "problems"
        msg = f"source contracts have {len(problems)} {noun}:\n  " + "\n  ".join(problems)
        raise ContractError(msg)
    return contracts


def _currency_codes(path: Path) -> frozenset[str]:
    with path.open(encoding="utf-8", newline="") as lines:
        return frozenset(row["currency_code"] for row in csv.DictReader(lines))


def _read_contract(
    path: Path, currencies: frozenset[str]
) -> tuple[SourceContract | None, list[str]]:
    shown = f"seeds/sources/{path.name}"
    try:
        document, problems = read_yaml(path, shown)
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        return None, [yaml_problem(shown, error)]
    if not isinstance(document.content, dict):
        return None, [f"{shown}:1: a contract is a mapping with source, version and streams"]
    expanded, moved = _expand(document.content)
    try:
        contract = SourceContract.model_validate(expanded)
    except ValidationError as error:
        problems += [
            f"{document.at(_origin(item['loc'], moved))}: {_spelled(item['loc'])}: {item['msg']}"
            for item in error.errors()
        ]
        return None, sorted(set(problems))
    found = [*contract_problems(contract), *_environment_problems(contract, currencies)]
    if contract.source != path.stem:
        found.append((("source",), f"the file is named {path.name}; it must be named like it"))
    problems += [
        f"{document.at(_origin(where, moved))}: {_spelled(where)}: {text}" for where, text in found
    ]
    return (None if problems else contract), problems


def _environment_problems(
    contract: SourceContract, currencies: frozenset[str]
) -> Iterator[tuple[tuple[str, ...], str]]:
    zones = zone_names()
    for name, stream in contract.streams.items():
        for column_name, column in stream.columns.items():
            where = ("streams", name, "columns", column_name)
            if column.timezone is not None and column.timezone not in zones:
                yield (*where, "timezone"), f"{column.timezone!r} is no IANA time zone"
            if column.currency is not None and column.currency not in currencies:
                yield (
                    (*where, "currency"),
                    f"{column.currency!r} is not in seeds/mappings/currencies.csv",
                )


def _expand(content: dict[str, Any]) -> tuple[dict[str, Any], dict[YamlPath, YamlPath]]:
    """Spell out the shorthands; also say for each path that was filled in where it came from."""
    expanded = {key: value for key, value in content.items() if key not in _SHARED}
    moved: dict[YamlPath, YamlPath] = {}
    streams = content.get("streams")
    if not isinstance(streams, dict):
        return expanded, moved
    expanded["streams"] = {
        name: _expand_stream(str(name), stream, content, moved) for name, stream in streams.items()
    }
    return expanded, moved


def _expand_stream(
    name: str, stream: Any, content: dict[str, Any], moved: dict[YamlPath, YamlPath]
) -> Any:
    if not isinstance(stream, dict):
        return stream
    full = {"name": name, "source": content.get("source"), **stream}
    at: YamlPath = ("streams", name)
    shared_format = content.get("format")
    if isinstance(shared_format, dict) and isinstance(full.get("format", {}), dict):
        for setting in shared_format:
            if setting not in full.get("format", {}):
                moved[*at, "format", setting] = ("format", setting)
        full["format"] = {**shared_format, **full.get("format", {})}
    if "extra_columns" in content and "extra_columns" not in full:
        full["extra_columns"] = content["extra_columns"]
        moved[*at, "extra_columns"] = ("extra_columns",)
    common = content.get("common_columns")
    if isinstance(common, dict) and isinstance(full.get("columns"), dict):
        for column in common:
            if column not in full["columns"]:
                moved[*at, "columns", column] = ("common_columns", column)
        full["columns"] = {
            **full["columns"],
            **{column: value for column, value in common.items() if column not in full["columns"]},
        }
    if isinstance(content.get("common_key"), list) and isinstance(full.get("key"), list):
        full["key"] = [*content["common_key"], *full["key"]]
    if isinstance(full.get("amount"), str):
        full["amount"] = _expand_amount(full["amount"], full.get("columns"))
    return full


def _expand_amount(column: str, columns: Any) -> dict[str, Any]:
    spec = columns.get(column) if isinstance(columns, dict) else None
    settings = spec if isinstance(spec, dict) else {}
    return {
        "column": column,
        **{key: settings[key] for key in ("currency_column", "currency") if key in settings},
    }


def _origin(path: YamlPath, moved: Mapping[YamlPath, YamlPath]) -> YamlPath:
    for length in range(len(path), 0, -1):
        if path[:length] in moved:
            return (*moved[path[:length]], *path[length:])
    return path


def _spelled(path: YamlPath) -> str:
    return spell(path) or "contract"
