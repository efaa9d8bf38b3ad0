"""The page on adding a leg is followed to the letter on a copy of the project: the leg works."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from orchestration.settings import PROJECT_ROOT
from tests.integration.run_homes import AS_OF

PAGE = PROJECT_ROOT / "docs" / "how-to" / "add-a-leg.md"
MODEL = re.compile(r"`(dbt_project/\S+\.sql)`:\n\n```sql\n(.*?)```", re.DOTALL)
REGISTER = re.compile(r"^meshline (rules register .*)$", re.MULTILINE)
ROWS = re.compile(r"`(seeds/\S+\.csv)`:\n\n```csv\n(.*?)```", re.DOTALL)
PLAYBOOK = re.compile(r"`(seeds/playbooks/\S+\.md)`:\n\n```markdown\n(.*?)```", re.DOTALL)
COPIED = ("dbt_project", "seeds", "orchestration", "expectations")
NOT_COPIED = shutil.ignore_patterns("target", "logs", "__pycache__")


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A copy of the project with what the page adds."""
    root = tmp_path_factory.mktemp("added_leg")
    for folder in COPIED:
        shutil.copytree(PROJECT_ROOT / folder, root / folder, ignore=NOT_COPIED)
    page = PAGE.read_text(encoding="utf-8")
    for path, text in (*MODEL.findall(page), *PLAYBOOK.findall(page)):
        (root / path).write_text(text, encoding="utf-8")
    for path, rows in ROWS.findall(page):
        with (root / path).open("a", encoding="utf-8") as file:
            file.write(rows)
    settings = root / "dbt_project" / "dbt_project.yml"
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace("leg_codes: [", "leg_codes: [authorization, "))
    subprocess.run(
        [sys.executable, "-m", "orchestration.cli", *shlex.split(REGISTER.search(page)[1])],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
        check=True,
        capture_output=True,
    )
    return root


def test_the_page_adds_two_models_the_rows_of_five_seeds_and_three_playbooks():
    page = PAGE.read_text(encoding="utf-8")
    assert len(MODEL.findall(page)) == 2
    assert len(ROWS.findall(page)) == 5
    assert len(PLAYBOOK.findall(page)) == 3


def test_a_leg_is_two_models_and_a_few_rows(project):
    home = project / "home"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "orchestration.cli", "run", "--json", "--as-of", AS_OF),
            *("--landing", str(project / "seeds" / "samples"), "--home", str(home)),
        ],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(project)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert json.loads(done.stdout)
    with duckdb.connect(str(home / "serving" / "current.duckdb"), read_only=True) as published:
        states = dict(
            published.execute(
                "select status_code, count(*) from marts.fct_order_legs"
                " where leg_code = 'authorization' group by status_code"
            ).fetchall()
        )
        codes = {
            row[0]
            for row in published.execute(
                "select exception_code from marts.fct_exceptions where leg_code = 'authorization'"
            ).fetchall()
        }
    assert states["matched"] > 0
    assert states["exception"] > 0
    assert codes <= {"PAY_AUTH_MISSING", "PAY_AUTH_SHORT", "PAY_AUTH_OVER"}
    assert codes
