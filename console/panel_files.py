"""Panels: figures as data, one YAML and one SQL file each in `console/panels/`.

What belongs here: reading and validating them, all problems at once. What does not: drawing
(`console.charts`) and asking (`console.data`). `docs/how-to/add-a-panel.md` explains them.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from console.access.policy import Policy
from orchestration.core.errors import ContractError

FOLDER = Path(__file__).resolve().parent / "panels"
# What a page gives to every panel that names it.
VALUES = frozenset({"currency", "from_on", "as_of", "segment", "tier"})
_MART = re.compile(r"\b((?:fct|dim)_[a-z0-9_]+|run_fingerprints|platform_feed_health)\b")
Format = Literal[
    "text",
    "label",
    "count",
    "money",
    "percent",
    "hours",
    "day",
    "month",
    "moment",
    "quantity",
    "age",
    "bar",
    "severity",
    "person",
]


class Column(BaseModel):
    """One column of the panel's table.

    Attributes:
        label: The heading.
        format: How its values are written; `money` takes the currency from `currency_code`.
        help: What it means, where the heading does not say it.
        link: Address with {columns} of the row; None for plain text.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    label: str
    format: Format = "text"
    help: str = ""
    link: str | None = None


class PanelFile(BaseModel):
    """What the YAML of a panel says; see docs/how-to/add-a-panel.md."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    help: str = ""
    page: str
    place: int
    width: Literal["third", "half", "two-thirds", "full"] = "half"
    height: int = Field(default=200, ge=60, le=600)
    roles: tuple[str, ...] = ()
    empty: str = "Nothing to show for this choice."
    limit: int = Field(default=10, ge=1, le=200)
    more: str | None = None
    chart: Mapping[str, Any] | None = None
    columns: Mapping[str, Column]


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel with its query.

    Attributes:
        panel_id: The name of its files.
        file: What its YAML says.
        sql: Its query; marts are named without schema.
        values: Values of the page that it names.
        tables: Marts that it reads.
    """

    panel_id: str
    file: PanelFile
    sql: str
    values: tuple[str, ...]
    tables: tuple[str, ...]


def load_panels(policy: Policy, folder: Path = FOLDER) -> Mapping[str, Panel]:
    """Return the panels by id, in the order of their places.

    Raises:
        ContractError: Some are not valid; every problem of every file is listed.
    """
    problems: list[str] = []
    panels = []
    for path in sorted(folder.glob("*.yml")):
        panel = _load(path, policy, problems)
        if panel is not None:
            panels.append(panel)
    lost = {path.stem for path in folder.glob("*.sql")} - {
        path.stem for path in folder.glob("*.yml")
    }
    problems += [f"{name}.sql has no {name}.yml beside it" for name in sorted(lost)]
    if problems:
        raise ContractError("\n  ".join(["These panels are not valid:", *problems]))
    panels.sort(key=lambda panel: (panel.file.page, panel.file.place, panel.panel_id))
    return {panel.panel_id: panel for panel in panels}


def _load(path: Path, policy: Policy, problems: list[str]) -> Panel | None:
    """One panel; None with its problems noted."""
    try:
        file = PanelFile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        sql = path.with_suffix(".sql").read_text(encoding="utf-8")
    except ValidationError as error:
        problems += [
            f"{path.name}: {'.'.join(map(str, each['loc']))}: {each['msg']}"
            for each in error.errors()
        ]
        return None
    except (OSError, yaml.YAMLError) as error:
        problems.append(f"{path.name}: {error}")
        return None
    if file.page not in policy.areas:
        problems.append(f"{path.name}: there is no page {file.page}")
    problems += [
        f"{path.name}: there is no role {role}" for role in file.roles if role not in policy.roles
    ]
    values = tuple(sorted(set(re.findall(r"\$([a-z_]+)", sql))))
    problems += [
        f"{path.name}: no page gives ${name}; there are {', '.join(sorted(VALUES))}"
        for name in values
        if name not in VALUES
    ]
    return Panel(path.stem, file, sql, values, tuple(sorted(set(_MART.findall(sql)))))
