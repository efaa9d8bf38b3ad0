"""What shadow runs showed, kept in the home: the last result of each proposal.

What belongs here: writing a result, finding it again, dropping the oldest. What does not: making
one (`orchestration.shadow`) and showing it (`console.pages.releases`). Anyone above the warehouse
may import this.

`<home>/shadows/<id>.json`, one file a proposal: the id follows from the proposed bytes, so the same
proposal shadowed again replaces what it showed before. Amounts are text, as JSON has none.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

from orchestration.core.rule_versions import RuleVersion
from orchestration.settings import Settings
from orchestration.warehouse.comparing import ClassChange, OrderChange
from orchestration.warehouse.durable import read_json, replace_json

FOLDER = "shadows"
KEPT = 50
_ID_LENGTH = 16


@dataclass(frozen=True, slots=True)
class ShadowResult:
    """What proposed rules would have changed of one publication.

    Attributes:
        result_id: Follows from the proposed bytes.
        made_at: When, ISO 8601.
        run_no: The publication that was decided again.
        as_of: Its moment, ISO 8601.
        is_same_product: Whether the rules and SQL of that publication were those of then.
        files: Place below `seeds/` and SHA-256 of each proposed file.
        versions: Versions that the proposal has and the files in force did not.
        classes: Exceptions by class and currency, in the fields of `ClassChange`.
        orders: Orders that would stand otherwise, in the fields of `OrderChange`.
    """

    result_id: str
    made_at: str
    run_no: int
    as_of: str
    is_same_product: bool
    files: Sequence[Mapping[str, str]]
    versions: Sequence[Mapping[str, str]]
    classes: Sequence[Mapping[str, Any]]
    orders: Sequence[Mapping[str, Any]]


def result_id_of(files: Mapping[str, str]) -> str:
    """The id of a proposal: SHA-256 of each proposed file by its place below `seeds/`."""
    text = "\n".join(f"{place} {digest}" for place, digest in sorted(files.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:_ID_LENGTH]


def keep_result(settings: Settings, result: ShadowResult) -> None:
    """Keep what a shadow run showed in the place of what the same proposal showed before."""
    folder = settings.home / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    replace_json(folder / f"{result.result_id}.json", asdict(result))
    for path in _newest_first(folder)[KEPT:]:
        path.unlink(missing_ok=True)


def versions_as_text(versions: Sequence[RuleVersion]) -> list[dict[str, str]]:
    """Versions in the fields that a result keeps of them."""
    return [
        {
            "place": one.place,
            "rule_id": one.rule_id,
            "version": one.version,
            "digest": one.digest,
            "effective_from": one.effective_from,
            "effective_to": one.effective_to,
        }
        for one in versions
    ]


def changes_as_text(changes: Sequence[ClassChange] | Sequence[OrderChange]) -> list[dict[str, Any]]:
    """Changes in their own fields, amounts as text."""
    return [
        {
            name: f"{value:f}" if isinstance(value, Decimal) else value
            for name, value in asdict(one).items()
        }
        for one in changes
    ]


def list_results(settings: Settings) -> tuple[ShadowResult, ...]:
    """Return the results that are kept, the latest first."""
    found = [_read(path) for path in _newest_first(settings.home / FOLDER)]
    return tuple(one for one in found if one is not None)


def find_result(settings: Settings, result_id: str) -> ShadowResult | None:
    """Return one result; None when none is kept under this id."""
    found = (one for one in list_results(settings) if one.result_id == result_id)
    return next(found, None)


def _newest_first(folder: Path) -> list[Path]:
    paths = [path for path in folder.glob("*.json") if not path.name.startswith(".")]
    return sorted(paths, key=lambda path: (path.stat().st_mtime_ns, path.name), reverse=True)


def _read(path: Path) -> ShadowResult | None:
    """A result; None when it was dropped meanwhile or is none of ours."""
    try:
        return _read_once(path, path.stat().st_mtime_ns)
    except (FileNotFoundError, TypeError, ValueError):
        return None


@lru_cache(maxsize=KEPT)
def _read_once(path: Path, _stamp: int) -> ShadowResult | None:
    content = read_json(path)
    return None if content is None else ShadowResult(**content)
