"""Which documents a decision is about: a value to replace, members to put together.

What belongs here: finding documents by their names in one publication, and the facts of each that
a decision is bound to. What does not: amounts at stake, who answers, asking
(`orchestration.reading.decisions`). That imports this, and the console's forms what can be typed.
"""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from orchestration.core.errors import UsageRefused
from orchestration.reading.orders import resolve_key
from orchestration.warehouse.reader import Published

Row = Mapping[str, Any]
Found = tuple[dict[str, object], list[Row]]
VALUES = ("amount", "quantity")
# What a column of amounts holds; quantities have two more.
MOST_DECIMALS = {"amount": 4, "quantity": 6}
MOST_VALUE = Decimal(10) ** 12
OPEN_DIFFERENCES = """
    select fct_exceptions.*
    from marts.fct_exceptions
    where tenant = ? and leg_code = ?
        and (native_ref = ? or starts_with(exception_id, ?) or recon_key = ?)
    order by exception_id
"""
MEMBERS = "select * from marts.fct_match_members where match_id = ?"


def replaced_value(
    published: Published,
    order: Row,
    exceptions: Sequence[Row],
    what: str,
    value_code: str,
    value: str,
) -> Found:
    """Return a document of an open difference with its value and the one that is to count.

    Args:
        published: The publication that people looked at.
        order: Its row of `fct_orders`.
        exceptions: Its differences.
        what: The document by its id, or id/line.
        value_code: amount or quantity.
        value: The value that is to count, as typed.

    Raises:
        UsageRefused: No such document or several, or the value cannot be taken.
    """
    decided = typed_value(value_code, value)
    groups = sorted({str(one["match_id"]) for one in exceptions if one["match_id"] is not None})
    members = [
        member
        for group in groups
        for member in published.rows(MEMBERS, [group])
        if member["recon_key"] == order["recon_key"]
    ]
    named = [one for one in members if what in (one["native_id"], _name(one))]
    if len(named) != 1:
        listed = ", ".join(sorted({_name(one) for one in members})) or "none"
        found = "no document" if not named else f"{len(named)} documents"
        raise UsageRefused(
            f"{what} names {found} that {order['order_id']} is compared with and differs by. "
            f"Name one of: {listed}."
        )
    member = named[0]
    stated = Decimal(member[f"stated_{value_code}"])
    if decided == stated:
        raise UsageRefused(f"{what} states {stated:f} already: there is nothing to replace.")
    return {
        "match_id": member["match_id"],
        **_document(member),
        "value_code": value_code,
        "stated_value": f"{stated:f}",
        "decided_value": f"{decided:f}",
    }, [one for one in exceptions if one["match_id"] == member["match_id"]]


def put_together(published: Published, tenant: str, leg_code: str, names: Sequence[str]) -> Found:
    """Return the members of a leg that are to be one group, with the differences that it ends.

    Args:
        published: The publication that people looked at.
        tenant: Whose.
        leg_code: The leg.
        names: Orders, exceptions, or documents that are matched with nothing.

    Raises:
        UsageRefused: A name leads to nothing that is open or to several things, or what is named
            cannot be one group.
    """
    concerned: dict[str, Row] = {}
    members: dict[tuple[object, ...], dict[str, object]] = {}
    for name in names:
        found, facts = _named(published, tenant, leg_code, name)
        concerned |= {str(one["exception_id"]): one for one in found}
        for one in facts:
            members[tuple(one.get(key) for key in sorted(one))] = one
    listed = sorted(members.values(), key=lambda one: json.dumps(one, sort_keys=True))
    sides = {
        side: [one for one in listed if one["side_code"] == side] for side in ("expected", "actual")
    }
    currencies = {str(one["currency_code"]) for one in concerned.values()}
    if len(currencies) != 1:
        raise UsageRefused(
            f"{', '.join(names)} are in {', '.join(sorted(currencies))}; a group has one currency."
        )
    if not sides["expected"] or not sides["actual"]:
        wanting = "nothing that is expected" if sides["actual"] else "no document"
        raise UsageRefused(
            f"{', '.join(names)}: {wanting} on the {leg_code} leg is among them. Name both an "
            "order and the documents that belong to it."
        )
    difference = sum(
        (
            Decimal(str(one["amount"])) * (1 if one["side_code"] == "actual" else -1)
            for one in listed
        ),
        Decimal(0),
    )
    if len(sides["expected"]) > 1 and difference != 0:
        raise UsageRefused(
            f"{', '.join(names)} differ by {difference:f}: several orders are put together only to "
            "the cent. Match one of them, or name what is wanting."
        )
    return {
        "leg_code": leg_code,
        "members": listed,
        "variance_amount": f"{difference:f}",
    }, list(concerned.values())


def _named(
    published: Published, tenant: str, leg_code: str, name: str
) -> tuple[Sequence[Row], list[dict[str, object]]]:
    """The differences that a name leads to, and the members that they are about."""
    try:
        recon_key = resolve_key(published, name)
    except UsageRefused:
        recon_key = ""
    rows = published.rows(OPEN_DIFFERENCES, [tenant, leg_code, name, name, recon_key])
    loose = [one for one in rows if one["match_id"] is None and one["recon_key"] is None]
    groups = sorted({str(one["match_id"]) for one in rows if one["match_id"] is not None})
    if len(loose) + len(groups) != 1:
        found = "nothing" if not loose and not groups else f"{len(loose) + len(groups)} things"
        listed = ", ".join(sorted(str(one["exception_id"]) for one in rows))
        raise UsageRefused(
            f"{name} names {found} that is open on the {leg_code} leg. Name an order that differs "
            "there, a document that is matched with nothing, or an exception"
            + (f": {listed}." if listed else ".")
        )
    if loose:
        return loose, [_of_exception(loose[0], "actual", "actual_amount")]
    concerned = [one for one in rows if one["match_id"] == groups[0]]
    members = published.rows(MEMBERS, [groups[0]])
    if not members:
        facts = [_of_exception(concerned[0], "expected", "expected_amount")]
    else:
        facts = [{**_document(one), "amount": f"{one['stated_amount']:f}"} for one in members]
    versions = _versions(published, concerned, members)
    return concerned, [
        {**one, "order_version": versions.get(str(one["document_ref"]))}
        if one["side_code"] == "expected"
        else one
        for one in facts
    ]


def _versions(
    published: Published, concerned: Sequence[Row], members: Sequence[Row]
) -> Mapping[str, int | None]:
    """The version of the order of each expected document."""
    of_documents = {str(one["native_id"]): one["recon_key"] for one in members}
    if not members:
        of_documents = {str(one["native_ref"]): one["recon_key"] for one in concerned}
    sql = "select version_no from marts.fct_orders where recon_key = ?"
    found: dict[str, int | None] = {}
    for document, recon_key in of_documents.items():
        rows = published.rows(sql, [recon_key]) if recon_key is not None else ()
        found[document] = int(rows[0]["version_no"]) if rows else None
    return found


def _document(member: Row) -> dict[str, object]:
    """What names a document among the evidence or expectations of its leg."""
    return {
        "leg_code": member["leg_code"],
        "side_code": member["side"],
        "source_system": member["source_system"],
        "document_ref": member["native_id"],
        "document_line": member["line_no"],
    }


def _of_exception(row: Row, side: str, amount: str) -> dict[str, object]:
    """A document that is in no group, as its exception tells of it: without its line."""
    facts = json.loads(row["evidence"] or "{}")
    return {
        "leg_code": row["leg_code"],
        "side_code": side,
        "source_system": row["source_system"],
        "document_ref": row["native_ref"],
        "amount": str(facts.get(amount) or "0"),
    }


def _name(member: Row) -> str:
    line = f"/{member['line_no']}" if member["line_no"] else ""
    return f"{member['native_id']}{line}"


def typed_value(value_code: str, value: str) -> Decimal:
    """Return the value that somebody typed.

    Raises:
        UsageRefused: It is no number, or one that no amount or quantity can be.
    """
    try:
        decided = Decimal(value.strip())
    except InvalidOperation:
        decided = Decimal("NaN")
    decimals = MOST_DECIMALS[value_code]
    if not decided.is_finite() or abs(decided) >= MOST_VALUE:
        raise UsageRefused(f"{value!r} is no {value_code}; write it like 1234.50.")
    if decided != decided.quantize(Decimal(1).scaleb(-decimals)):
        raise UsageRefused(f"{value!r} has more than {decimals} decimals.")
    return decided.quantize(Decimal(1).scaleb(-decimals))
