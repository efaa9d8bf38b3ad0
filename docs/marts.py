"""Writes docs/marts.md, the page that readers of the marts rely on, from the models' descriptions.

What belongs here: turning `dbt_project/models/marts/**/*.yml` into one page. What does not: any
wording about a column, which stands in that YAML. Nobody imports this; run as
`python docs/marts.py` to write the page, with `--check` to compare.
"""

import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "marts.md"
HEAD = """# The marts

The schema `marts` of `serving/current.duckdb` is the public interface: contracts are enforced when
it is built, and a column is removed only through a new version. Times are UTC; amounts are
DECIMAL(18,4) in major units of the row's `currency_code`. This page is written by
`python docs/marts.py` from the models' descriptions.
"""


def page() -> str:
    """Return the whole page as Markdown."""
    parts = [HEAD]
    for path in sorted((ROOT / "dbt_project" / "models" / "marts").glob("*/_*__models.yml")):
        models = yaml.safe_load(path.read_text(encoding="utf-8"))["models"]
        parts.extend(_section(path.parent, model) for model in models)
    return "\n".join(parts)


def _section(folder: Path, model: dict) -> str:
    (path,) = folder.rglob(f"{model['name']}.sql")
    sql = path.read_text(encoding="utf-8").splitlines()
    notes = [line.removeprefix("-- ") for line in sql[:2] if line.startswith("--")]
    lines = [f"## {model['name']}", "", model["description"].strip(), "", *notes, ""]
    lines += ["| column | type | null | meaning |", "|---|---|---|---|"]
    for column in model["columns"]:
        kinds = {constraint["type"] for constraint in column.get("constraints", [])}
        null = "no" if "not_null" in kinds else "yes"
        meaning = column["description"].replace("|", "\\|")
        lines.append(f"| `{column['name']}` | {column['data_type']} | {null} | {meaning} |")
    return "\n".join([*lines, ""])


def main(arguments: list[str]) -> int:
    """Write the page, or say whether it is as it should be."""
    if "--check" in arguments:
        stale = not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page()
        if stale:
            sys.stdout.write("docs/marts.md is stale: run python docs/marts.py\n")
        return int(stale)
    PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
