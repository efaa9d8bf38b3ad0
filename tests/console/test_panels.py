"""Panels are data: each is valid, answers, and is drawn readably in both themes."""

import pytest
import yaml

from console.access.policy import load_policy
from console.charts import COLOURS
from console.panel_files import FOLDER, load_panels
from orchestration.core.errors import ContractError
from orchestration.settings import load_settings

POLICY = load_policy(load_settings())
PANELS = load_panels(POLICY)
CHARTS = [name for name, panel in PANELS.items() if panel.file.chart is not None]


@pytest.fixture(scope="module")
def admin(console):
    return console.client("administrator")


@pytest.mark.parametrize("name", PANELS)
def test_each_panel_answers_with_the_columns_that_it_shows(console, admin, name):
    page = admin.get(f"/panel/{name}")
    assert page.status_code == 200
    text = admin.get(f"/panel/{name}/download.csv").text
    head = text.splitlines()[0].split(",")
    file = PANELS[name].file
    assert set(file.columns) <= set(head)
    if any(column.format == "money" for column in file.columns.values()):
        assert "currency_code" in head


@pytest.mark.parametrize("name", CHARTS)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_each_chart_is_drawn_in_the_colours_of_its_theme(admin, name, theme):
    answer = admin.get(f"/panel/{name}.svg?theme={theme}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/svg+xml"
    assert not any(marker in answer.text for marker, _, _ in COLOURS.values())
    ink = COLOURS["muted"][1 if theme == "light" else 2]
    assert ink in answer.text


def test_a_picture_is_drawn_once_for_both_themes(console, admin):
    before = console.state.pictures.miss_count
    for theme in ("light", "dark", "light"):
        admin.get(f"/panel/{CHARTS[0]}.svg?theme={theme}&days=30")
    assert console.state.pictures.miss_count - before <= 1


def test_a_panel_shows_only_to_the_roles_that_it_names(console):
    assert console.client("platform").get("/panel/risk_by_customer").status_code == 404
    assert console.client("sales").get("/panel/value_accounts").status_code == 404


def test_a_panel_is_cut_to_the_rows_of_the_viewer(console):
    rows = console.client("sales").get("/panel/risk_by_owner/download.csv").text.splitlines()[1:]
    assert {row.split(",")[0] for row in rows} <= {"per-ines"}


def test_every_problem_of_every_panel_is_told_at_once(tmp_path):
    good = yaml.safe_load((FOLDER / "legs.yml").read_text())
    (tmp_path / "a.yml").write_text(yaml.safe_dump({**good, "page": "nowhere", "roles": ["x"]}))
    (tmp_path / "a.sql").write_text("select $nonsense as leg_code")
    (tmp_path / "b.yml").write_text(yaml.safe_dump({**good, "width": "huge"}))
    (tmp_path / "c.sql").write_text("select 1")
    with pytest.raises(ContractError) as refused:
        load_panels(POLICY, tmp_path)
    for told in ("no page nowhere", "no role x", "$nonsense", "b.yml: width", "c.sql has no c.yml"):
        assert told in str(refused.value)


def test_a_new_panel_needs_two_files_and_nothing_else(tmp_path):
    (tmp_path / "orders_by_channel.yml").write_text(
        "title: Orders by channel\npage: overview\nplace: 70\n"
        "columns:\n  channel: {label: Channel}\n  order_count: {label: Orders, format: bar}\n"
    )
    (tmp_path / "orders_by_channel.sql").write_text(
        "select channel, count(*) as order_count from fct_orders group by channel"
    )
    panel = load_panels(POLICY, tmp_path)["orders_by_channel"]
    assert panel.tables == ("fct_orders",)
    assert panel.values == ()
