"""The macros of the SQL project, rendered by dbt in one call, and their values on given rows.

What belongs here: what is rendered, and how an expression is evaluated. What does not: which value
is right (`test_macros.py`, `test_macros_of_rows.py`).
"""

import json

import duckdb

from tests.dbt.project import DbtHome

MARK = "-- macro: "
# What dbt renders: a name for each, and the Jinja that a model would write.
TEMPLATES = {
    "money": "{{ money('value') }}",
    "wide": "{{ wide('amount') }} * rate",
    "quantity": "{{ quantity('value') }}",
    "line_amount": "{{ line_amount('quantity', 'unit_rate') }}",
    "exact_product": "{{ exact_product('quantity', 'unit_rate') }}",
    "short_product": "{{ short_product('quantity', 'unit_rate') }}",
    "short_rate": "{{ short_rate('unit_rate') }}",
    "is_short_product": "{{ is_short_product('quantity', 'unit_rate') }}",
    "shared_amount": "{{ shared_amount('amount', 'part', 'whole') }}",
    "in_units": "{{ in_units('amount', 4) }}",
    "whole_part": "{{ whole_part('value', 18) }}",
    "rounded_to": "{{ rounded_to('value', 'exponent') }}",
    "part_of": "{{ part_of('amount', 'part', 'whole', 'exponent') }}",
    "rate_of": "{{ rate_of('part', 'whole') }}",
    "rate_text": "{{ rate_text('value') }}",
    "percentile_of": "{{ percentile_of('value', 0.5) }}",
    "count_if": "{{ count_if('value > 1') }}",
    "cardinality_of": "{{ cardinality_of('expected', 'reported') }}",
    "evidence_item_key": "{{ evidence_item_key('source', 'stream', 'row_key') }}",
    "capitals": "{{ capitals('value') }}",
    "id_word": "{{ id_word('value') }}",
    "words_of": "{{ words_of('value') }}",
    "payment_terms_key": "{{ payment_terms_key('value') }}",
    "unnest_words": "{{ unnest_words('value') }}",
    "unnest_json_list": "{{ unnest_json_list('value') }}",
    "record_checksum": "{{ record_checksum('value') }}",
    "json_string": "{{ json_string('value') }}",
    "json_document": "{{ json_document({'b': 'two', 'a': 'one'}, {'c': 'raw'}) }}",
    "json_rows": "{{ json_rows('document', 'place') }}",
    "json_flag": "{{ json_flag('value > 1') }}",
    "row_key_text": "{{ row_key_text('value') }}",
    "end_of_time": "{{ end_of_time() }}",
    "joined_in_order": "{{ joined_in_order('document', 'place') }}",
    "json_text": "{{ json_text('value', 'wanted') }}",
    "days_between": "{{ days_between('start_on', 'finish_on') }}",
    "end_of_day": "{{ end_of_day('start_on') }}",
    "hours_between": "{{ hours_between('start_at', 'finish_at') }}",
    "service_months": "{{ service_months('start_on', 'finish_on') }}",
    "versions_of": "row_number() over {{ versions_of('stored', 'oldest') }}",
    "versions_of_newest": "row_number() over {{ versions_of('stored', 'newest') }}",
    "versions_of_within": "row_number() over {{ versions_of('stored', 'oldest', ['period']) }}",
    "is_synthetic": "{{ is_synthetic('tenant') }}",
    "months_touched": "{{ months_touched('start_on', 'finish_on') }}",
    "utc_to_local": "{{ utc_to_local('start_at', 'zone') }}",
    "half_minor_unit": "{{ half_minor_unit('exponent') }}",
    "amount_text": "{{ amount_text('value') }}",
    "quantity_text": "{{ quantity_text('value') }}",
    "same_currency": "{{ same_currency('match_groups.amount') }}",
    "idempotency_key": "{{ idempotency_key('kind', 'natural_key', 'version', 'target') }}",
    "sha256_hex": "{{ sha256_hex('value') }}",
    "base32_26": "{{ base32_26('value') }}",
    "joined_parts": "{{ joined_parts(['one', 'two', 'three']) }}",
    "deterministic_id": "{{ deterministic_id('rk1_', ['one', 'two', 'three']) }}",
    "normalised_id": "{{ normalised_id('value', 'rule') }}",
    "composed": "{{ composed('value') }}",
    "is_damaged_id": "{{ is_damaged_id('value', 'rule') }}",
    "separator": "{{ separator() }}",
    "seconds_between": "{{ seconds_between('start_at', 'finish_at') }}",
    "plus_hours": "{{ plus_hours('start_at', 'hours') }}",
    "json_object": "{{ json_object({'name': 'name', 'amount': 'amount', 'nothing': 'null'}) }}",
    "regex_like": "{{ regex_like('value', 'pattern') }}",
    "as_of": "{{ as_of() }}",
    "provenance": "{{ provenance() }}",
    "latest_rows": "with {{ latest_rows('versions') }} select * from latest_rows order by _row_key",
    "older_versions": "with {{ latest_rows('versions') }} select * from older_versions",
    "union_sources": "{{ union_sources('orders') }}",
    "unique_grain": "{{ test_unique_grain('graded', ['order_id', 'line_no']) }}",
    "codes_are_known": "{{ test_codes_are_known('coded', 'code', 'states', 'state_code') }}",
    "codes_are_known_of_legs": (
        "{{ test_codes_are_known('coded', 'code', 'states', 'state_code', 'leg') }}"
    ),
    "stored_relation": "{{ stored_relation('seeds', 'states') }}",
    "no_stored_relation": "{{ stored_relation('seeds', 'never_built') }}",
    "generate_schema_name": "{{ generate_schema_name('staging', none) }}",
    "generate_default_schema_name": "{{ generate_schema_name(none, none) }}",
    "schemas": "{{ ref('stg_olist__orders') }}",
}
# What a reference resolves to is shown by the unit test of int_evidence__payment.
# earned_by takes columns of a relation by its name: the scenarios from E104a on prove it.
# foots and foots_by_month likewise: E97j, E97k and E101d prove them.
PROVEN_BY_UNIT_TESTS = {"exception_id", "resolved_refs", "earned_by", "foots", "foots_by_month"}


def render(home: DbtHome) -> dict[str, str]:
    """Return the SQL of each template, rendered by one call of dbt."""
    inline = "\n".join(f"{MARK}{name}\n{template}" for name, template in TEMPLATES.items())
    moment = json.dumps({"as_of": "2026-05-04 03:02:01.000999"})
    done = home.dbt("--quiet", "compile", "--vars", moment, "--inline", inline)
    assert done.returncode == 0, done.stdout + done.stderr
    chunks = done.stdout.split(MARK)[1:]
    return {name: text.strip() for name, _, text in (chunk.partition("\n") for chunk in chunks)}


def evaluate(connection: duckdb.DuckDBPyConnection, expression: str, **columns: object) -> object:
    """Return the value of an expression over one row of columns."""
    named = ", ".join(f"? as {name}" for name in columns) or "1 as nothing"
    return connection.execute(
        f"select {expression} from (select {named})", list(columns.values())
    ).fetchone()[0]


def type_of(connection: duckdb.DuckDBPyConnection, expression: str, row: str) -> str:
    """Return the type of an expression over one row, given as the list of a select."""
    return connection.execute(f"select typeof({expression}) from (select {row})").fetchone()[0]
