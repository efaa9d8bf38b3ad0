"""docs/requirements.md tells the truth as far as a machine can see: each id once, no lost path."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TABLE = (ROOT / "docs" / "requirements.md").read_text(encoding="utf-8")
COUNTS = {"B": 6, "V": 5, "O": 3, "C": 4, "S": 4, "X": 3, "Q": 6, "F": 3, "D": 5}
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in TABLE.splitlines()
    if line.startswith("| R-")
]


def test_every_requirement_has_one_row_in_order():
    wanted = [
        f"R-{letter}{number}" for letter, count in COUNTS.items() for number in range(1, count + 1)
    ]
    assert [row[0] for row in ROWS] == wanted


def test_every_named_path_exists():
    lost = [
        name
        for row in ROWS
        for name in re.findall(r"`([^`]+)`", " ".join(row[2:4]))
        if not (ROOT / name).exists()
    ]
    assert not lost


def test_what_is_not_missing_says_where_it_lives_and_what_proves_it():
    vague = [row[0] for row in ROWS if not row[4]]
    vague += [
        row[0] for row in ROWS if "missing" not in row[4] and not (row[2] and row[3] and row[4])
    ]
    assert not vague


def test_what_lives_nowhere_is_called_missing():
    assert not [row[0] for row in ROWS if not row[2] and row[4] != "`missing`"]
