"""Macros over rows: the latest version, sources of an entity, generic tests, stored relations."""

import pytest

from orchestration.ledger.outbox import idem_key_of
from tests.dbt.macros import evaluate
from tests.faults.delivery_bed import artifact


@pytest.fixture
def versions(duck):
    """Rows in several versions: by stamp, by date of file, by arrival, and one without a second."""
    duck.execute(
        """
        create table versions as
        select 's' as source, 't' as stream, _row_key, _row_version,
            cast(updated_at as timestamp) as updated_at, cast(_business_on as date) as _business_on
        from (values
            ('alone', 1, null, null),
            ('late older stamp', 1, '2026-05-02', null),
            ('late older stamp', 2, '2026-05-01', null),
            ('stamp before none', 1, '2026-05-02', null), ('stamp before none', 2, null, null),
            ('by file date', 1, null, '2026-05-02'), ('by file date', 2, null, '2026-05-01'),
            ('by arrival', 1, '2026-05-01', null), ('by arrival', 2, '2026-05-01', null),
            ('by arrival', 3, '2026-05-01', null)
        ) as given(_row_key, _row_version, updated_at, _business_on)
        union all
        select 's', 'another stream', 'by arrival', 1, null, null
        """
    )
    return duck


def test_the_latest_row_is_the_last_by_stamp_then_file_then_arrival(rendered, versions):
    rows = versions.execute(rendered["latest_rows"]).fetchall()
    assert sorted((row[1], row[2], row[3]) for row in rows) == [
        ("another stream", "by arrival", 1),
        ("t", "alone", 1),
        ("t", "by arrival", 3),
        ("t", "by file date", 1),
        ("t", "late older stamp", 1),
        ("t", "stamp before none", 1),
    ]


def test_every_version_is_either_the_latest_or_an_older_one(rendered, versions):
    latest = versions.execute(rendered["latest_rows"]).fetchall()
    older = versions.execute(rendered["older_versions"]).fetchall()
    whole = versions.execute("select source, stream, _row_key, _row_version from versions")
    assert sorted([*[row[:4] for row in latest], *older]) == sorted(whole.fetchall())


def test_sources_of_an_entity_are_those_of_the_configuration(rendered):
    assert rendered["union_sources"].count("union all") == 1
    assert "stg_generic__orders" in rendered["union_sources"]
    assert "stg_olist__orders" in rendered["union_sources"]


def test_a_grain_is_broken_by_a_repeated_row_or_a_null(rendered, duck):
    duck.execute("create table graded as select 'a' as order_id, 1 as line_no")
    assert duck.execute(rendered["unique_grain"]).fetchall() == []
    duck.execute("insert into graded values ('a', 1), ('b', null), (null, 2)")
    found = duck.execute(rendered["unique_grain"]).fetchall()
    assert set(found) == {("a", 1, 2), ("b", None, 1), (None, 2, 1)}


def test_a_code_outside_its_seed_is_found(rendered, duck):
    duck.execute("attach ':memory:' as warehouse")
    duck.execute("create schema warehouse.seeds")
    duck.execute(
        "create table warehouse.seeds.states as select * from"
        " (values ('leg', 'matched'), ('order', 'draft')) as given(subject_type, state_code)"
    )
    duck.execute("create table coded as select unnest(['matched', 'draft', 'typo', null]) as code")
    assert duck.execute(rendered["codes_are_known"]).fetchall() == [("typo",)]
    found = duck.execute(rendered["codes_are_known_of_legs"]).fetchall()
    assert set(found) == {("typo",), ("draft",)}


def test_a_stored_relation_is_found_and_a_missing_one_is_none(rendered):
    assert rendered["stored_relation"] == '"warehouse"."seeds"."states"'
    assert rendered["no_stored_relation"] == "None"


def test_schemas_bear_the_names_of_their_layers(rendered):
    assert rendered["generate_schema_name"] == "staging"
    assert rendered["generate_default_schema_name"] == "main"
    assert rendered["schemas"] == '"warehouse"."staging"."stg_olist__orders"'


@pytest.mark.parametrize("spelling", ["net_30", "NET 30", " Net-30 ", "net30"])
def test_payment_terms_are_one_however_they_are_spelt(rendered, duck, spelling):
    assert evaluate(duck, rendered["payment_terms_key"], value=spelling) == "net30"


@pytest.mark.parametrize("natural_key", ["main/INV-1", 'north/"Ö" \\ 1/2', "main/日本"])
def test_the_key_of_a_document_is_the_one_that_the_outbox_sends_it_under(
    rendered, duck, natural_key
):
    row = artifact(1, natural_key=natural_key, version=12)
    told = {"kind": row.artifact_kind, "natural_key": natural_key, "target": row.target_code}
    found = evaluate(duck, rendered["idempotency_key"], version=row.artifact_version, **told)
    assert found == idem_key_of(row)
