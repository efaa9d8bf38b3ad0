"""The lint that keeps models runnable on more than one engine.

What belongs here: applying the rules to a model or to a folder of models.
What does not: the rules (`portability_rules.py`), style (sqlfluff) and layers (`test_layering.py`).
Only tests import this.

A model is read as text, not compiled: comments are blanked, literals are masked, Jinja code is
blanked except for the text of its strings, which is SQL handed to a macro.
"""

from dataclasses import dataclass
from pathlib import Path

from tests.dbt.portability_rules import RULES, Rule
from tests.dbt.portability_text import prepare


@dataclass(frozen=True, slots=True)
class Finding:
    """One occurrence: file, line from 1, the rule, and the line's text."""

    path: str
    line: int
    rule: Rule
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule.name}: {self.text} -- {self.rule.instead}"


def lint(path: str, text: str) -> tuple[Finding, ...]:
    """Return every forbidden form in one model, in the order of its lines."""
    model = prepare(text)
    lines = text.splitlines()
    findings = [
        Finding(path, line, rule, lines[line - 1].strip())
        for rule in RULES
        for line in sorted({text.count("\n", 0, offset) + 1 for offset in rule.find(model)})
    ]
    return tuple(sorted(findings, key=lambda finding: (finding.line, finding.rule.name)))


def lint_folder(root: Path, folders: tuple[Path, ...]) -> tuple[Finding, ...]:
    """Return the findings of all models under some folders; paths are relative to `root`."""
    return tuple(
        finding
        for folder in folders
        for path in sorted(folder.rglob("*.sql"))
        for finding in lint(path.relative_to(root).as_posix(), path.read_text(encoding="utf-8"))
    )
