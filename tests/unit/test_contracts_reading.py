"""Source contracts as files: what is read, what is refused, and where the message points."""

from pathlib import Path

import pytest

from orchestration.connectors.contracts import load_contracts
from orchestration.core.contracts import RAW_TYPES, ColumnType
from orchestration.core.errors import ContractError
from orchestration.settings import PROJECT_ROOT

HEAD = "source: shop\nversion: 1\ndescription: Made up.\n"
SALES = """streams:
  sales:
    entity: orders
    key: [sale_id]
    amount: total
    columns:
      sale_id: {type: id, required: true}
      total: {type: amount, required: true, currency: EUR}
"""


def write(folder: Path, text: str, name: str = "shop.yml") -> Path:
    for part in ("sources", "mappings"):
        (folder / part).mkdir(exist_ok=True)
    (folder / "sources" / name).write_text(text, encoding="utf-8")
    (folder / "mappings" / "currencies.csv").write_text(
        "currency_code,exponent,currency_name\nEUR,2,Euro\n", encoding="utf-8"
    )
    return folder


def problems(folder: Path, text: str) -> str:
    with pytest.raises(ContractError) as caught:
        load_contracts(write(folder, text))
    return str(caught.value)


def test_the_contracts_of_this_project_are_valid():
    contracts = load_contracts(PROJECT_ROOT / "seeds")

    assert {"generic", "olist"} <= set(contracts)
    assert len(contracts["generic"].streams) == 22
    assert len(contracts["olist"].streams) == 9


def test_every_generic_stream_has_the_common_columns_and_key():
    for stream in load_contracts(PROJECT_ROOT / "seeds")["generic"].streams.values():
        assert stream.key[:3] == ("tenant", "system", "instance")
        assert {"updated_at", "is_deleted"} <= stream.columns.keys()
        assert stream.extra_columns == "allowed"


def test_every_column_type_has_a_raw_type():
    assert set(RAW_TYPES) == set(ColumnType)


def test_an_amount_named_alone_takes_the_currency_of_its_column(tmp_path):
    sales = load_contracts(write(tmp_path, HEAD + SALES))["shop"].streams["sales"]

    assert (sales.amount.column, sales.amount.currency) == ("total", "EUR")


def test_a_shared_format_holds_where_a_stream_says_nothing(tmp_path):
    text = HEAD + "format: {delimiter: ';', decimal_separator: ','}\n" + SALES
    own = text.replace("    key:", "    format: {delimiter: '|'}\n    key:")
    shared = load_contracts(write(tmp_path, text))["shop"].streams["sales"].format
    overridden = load_contracts(write(tmp_path, own))["shop"].streams["sales"].format

    assert (shared.delimiter, shared.decimal_separator) == (";", ",")
    assert (overridden.delimiter, overridden.decimal_separator) == ("|", ",")


def test_all_problems_come_at_once_with_file_and_line(tmp_path):
    text = HEAD + SALES.replace("type: id", "type: identifier").replace("EUR", "eur").replace(
        "entity: orders", "entity: orders\n    wrong: 1"
    )

    message = problems(tmp_path, text)

    assert "seeds/sources/shop.yml:7: streams.sales.wrong" in message
    assert "seeds/sources/shop.yml:11: streams.sales.columns.sale_id.type" in message
    assert "seeds/sources/shop.yml:12: streams.sales.columns.total.currency" in message


@pytest.mark.parametrize(
    ("change", "line", "words"),
    [
        (("key: [sale_id]", "key: [sale_no]"), 7, "'sale_no', which the stream does not have"),
        (("key: [sale_id]", "key: [sale_id]\n    updated_at: total"), 8, "must be timestamp"),
        (("currency: EUR", "currency: XTS"), 11, "not in seeds/mappings/currencies.csv"),
        ((", currency: EUR", ""), 11, "needs currency_column, currency, or a scale"),
        (("type: id,", "type: id, timezone: UTC,"), 10, "timezone belongs to timestamps"),
        (("type: id, required: true", "type: id"), 7, "may be empty"),
        (("type: id,", "type: id, times: total,"), 10, "times belongs to rates only"),
        (
            ("      total:", "      price: {type: rate, times: total}\n      total:"),
            11,
            "times 'total' is not a quantity column here",
        ),
        (("key: [sale_id]", "key: [sale_id]\n    files: ['../x*']"), 8, "plain file name"),
        (
            ("type: id,", "type: id, since: 2026-02-01, until: 2026-01-01,"),
            10,
            "since must be before until",
        ),
    ],
)
def test_what_does_not_fit_together_is_told_where_it_stands(tmp_path, change, line, words):
    message = problems(tmp_path, HEAD + SALES.replace(*change))

    assert words in message
    assert f"seeds/sources/shop.yml:{line}:" in message


def test_a_name_given_twice_is_told_with_its_line(tmp_path):
    text = HEAD + SALES + "      total: {type: id}\n"

    assert "shop.yml:12: streams.sales.columns.total: given twice" in problems(tmp_path, text)


def test_broken_yaml_is_told_with_its_line(tmp_path):
    assert "shop.yml:5: not readable as YAML" in problems(tmp_path, HEAD + "streams: [\n")


def test_a_time_zone_that_does_not_exist_is_told(tmp_path):
    text = HEAD + SALES + "      at: {type: timestamp, timezone: Europe/Atlantis}\n"

    assert "'Europe/Atlantis' is no IANA time zone" in problems(tmp_path, text)


def test_a_file_must_be_named_like_its_source(tmp_path):
    with pytest.raises(ContractError, match="named like it"):
        load_contracts(write(tmp_path, HEAD + SALES, name="market.yml"))


def test_no_contract_at_all_is_a_problem(tmp_path):
    write(tmp_path, HEAD + SALES)
    (tmp_path / "sources" / "shop.yml").unlink()

    with pytest.raises(ContractError, match="no source contract"):
        load_contracts(tmp_path)
