"""What the pages on the console and on BI tools say is true."""

import re
import textwrap

import duckdb
import pytest

from console.access.policy import load_policy
from console.app import build_app
from console.config import load_config
from console.panel_files import VALUES, Column, load_panels
from orchestration.settings import PROJECT_ROOT, load_settings

DOCS = PROJECT_ROOT / "docs"
BI = (DOCS / "bi.md").read_text(encoding="utf-8")
PANEL = (DOCS / "how-to" / "add-a-panel.md").read_text(encoding="utf-8")
CONSOLE = (DOCS / "console.md").read_text(encoding="utf-8")
QUERIES = [
    query for query in re.findall(r"```sql\n(.*?)```", BI, re.DOTALL) if query.startswith("select")
]


@pytest.mark.parametrize("query", QUERIES, ids=range(len(QUERIES)))
def test_each_query_of_the_page_answers(first_run, query):
    path = first_run[0] / "serving" / "current.duckdb"
    with duckdb.connect(str(path), read_only=True) as published:
        assert published.execute(query).fetchone() is not None


def test_the_page_has_queries_to_try():
    assert len(QUERIES) >= 6


def test_the_panel_of_the_how_to_can_be_added_as_it_stands(tmp_path, console, monkeypatch):
    blocks = re.findall(r"```(sql|yaml)\n(.*?)\n *```", PANEL, re.DOTALL)
    sql, first, chart = (textwrap.dedent(text) for _, text in blocks[:3])
    name = "orders_by_channel"
    (tmp_path / f"{name}.sql").write_text(sql)
    (tmp_path / f"{name}.yml").write_text(f"{first}\n{chart}\n")
    panel = load_panels(console.state.policy, tmp_path)[name]
    monkeypatch.setitem(console.state.panels, name, panel)
    finance = console.client("finance")
    assert "Orders by channel" in finance.get("/overview").text
    assert finance.get(f"/panel/{name}.svg").status_code == 200
    assert console.client("sales").get(f"/panel/{name}").status_code == 404


def test_the_how_to_names_every_format_and_every_value():
    formats = Column.model_fields["format"].annotation.__args__
    assert all(f"`{name}`" in PANEL for name in formats)
    assert all(f"`${name}`" in PANEL for name in VALUES)


def test_the_examples_of_console_yml_are_taken(tmp_path):
    (tmp_path / "oidc-secret").write_text("x")
    examples = re.findall(r"```yaml\n(.*?)```", CONSOLE, re.DOTALL)
    assert len(examples) == 3
    for example in examples:
        (tmp_path / "console.yml").write_text(example)
        config = load_config(load_settings(home=tmp_path), "127.0.0.1", 8700)
        assert config.is_secure
        build_app(config).state.console.close()


def test_the_page_names_every_page_of_the_menu():
    for area in load_policy(load_settings()).areas.values():
        assert area.label in CONSOLE
