"""What a publication says of one tenant, compared with what must be there.

What belongs here: the comparison, and saying its differences in words. What does not: reading
scenarios, running Meshline. Only tests import this.

Values: a decimal is compared as money, a time by its beginning (2026-07-07 holds for any moment of
that day), a list means any of its values. Short names stand for the marts' columns, see `SHORT`.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from orchestration.settings import load_settings
from orchestration.warehouse.reader import open_published

Row = Mapping[str, Any]
SHORT = {
    "class": "exception_code",
    "ref": "native_ref",
    "leg": "leg_code",
    "order": "order_id",
    "status": "status_code",
    "state": "state_code",
    "kind": "match_kind",
    "total": "total_amount",
    "expected": "expected_amount",
    "matched": "matched_amount",
    "open": "open_amount",
    "residual": "residual_amount",
    "leak": "leak_amount",
    "gate": "gate_code",
    "result": "result_code",
}
SETTLED = ("auto", "tolerance", "manual", "forced")
QUERIES = {
    "orders": "select * from marts.fct_orders",
    "versions": "select * from marts.fct_order_versions",
    "lines": """
        select orders.tenant, orders.order_id, lines.*
        from marts.fct_order_lines as lines
        inner join marts.fct_orders as orders
            on lines.recon_key = orders.recon_key and lines.version_no = orders.version_no
    """,
    "legs": """
        select orders.order_id, legs.*
        from marts.fct_order_legs as legs
        inner join marts.fct_orders as orders on legs.recon_key = orders.recon_key
    """,
    "exceptions": """
        select orders.order_id, exceptions.*
        from marts.fct_exceptions as exceptions
        left join marts.fct_orders as orders on exceptions.recon_key = orders.recon_key
    """,
    "gates": """
        select orders.order_id, gates.*
        from marts.fct_gate_results as gates
        inner join marts.fct_orders as orders on gates.recon_key = orders.recon_key
    """,
    "artifacts": """
        select orders.order_id, artifacts.*
        from marts.fct_artifacts as artifacts
        left join marts.fct_orders as orders on artifacts.recon_key = orders.recon_key
    """,
    "matches": """
        select orders.order_id, matches.*
        from marts.fct_matches as matches
        left join marts.fct_orders as orders on matches.recon_key = orders.recon_key
    """,
    "members": """
        select matches.tenant, members.*
        from marts.fct_match_members as members
        inner join marts.fct_matches as matches on members.match_id = matches.match_id
    """,
}


@dataclass(frozen=True, slots=True)
class Publication:
    """Rows of the marts by table and tenant."""

    tables: Mapping[str, Mapping[str, Sequence[Row]]]

    def rows(self, table: str, tenant: str) -> Sequence[Row]:
        """Return the rows of a tenant."""
        return self.tables[table].get(tenant, ())


def read_publication(home: Path) -> Publication:
    """Return what a home publishes now."""
    tables: dict[str, dict[str, list[Row]]] = {}
    with open_published(load_settings(home=home)) as published:
        for table, sql in QUERIES.items():
            by_tenant: dict[str, list[Row]] = defaultdict(list)
            for row in published.rows(sql):
                by_tenant[row["tenant"]].append(row)
            tables[table] = by_tenant
    return Publication(tables)


def differences(publication: Publication, tenant: str, expected: Mapping[str, Any]) -> list[str]:
    """Return what is not as expected, one sentence each; empty when all is."""
    found = _exceptions(publication, tenant, expected)
    for table in ("orders", "legs", "artifacts"):
        rows = publication.rows(table, tenant)
        found += _missing(table, expected.get(table, ()), rows)
    found += _matches(publication, tenant, expected)
    found += _counts(publication, tenant, expected.get("counts", ()))
    found += _incidents(publication, tenant, expected.get("incidents", ()))
    return found


def _exceptions(publication: Publication, tenant: str, expected: Mapping[str, Any]) -> list[str]:
    """Compare the exceptions, which must be these and no others."""
    rows = list(publication.rows("exceptions", tenant))
    if "exception_counts" in expected:
        counted = Counter(row["exception_code"] for row in rows)
        wanted = expected["exception_counts"]
        codes = sorted(set(counted) | set(wanted))
        return [
            f"exceptions: {counted[code]} x {code}, expected {wanted.get(code, 0)}"
            for code in codes
            if counted[code] != wanted.get(code, 0) and code not in expected.get("also_allowed", ())
        ]
    if "exceptions" not in expected:
        return []
    found = _missing("exceptions", expected["exceptions"], rows, taken=(taken := []))
    left = [row for row in rows if row not in taken]
    return found + [
        f"exceptions: not expected: {_told(row)}"
        for row in left
        if row["exception_code"] not in expected.get("also_allowed", ())
    ]


def _matches(publication: Publication, tenant: str, expected: Mapping[str, Any]) -> list[str]:
    """Compare match groups with their members, and what must be in none that settles."""
    members: dict[str, dict[str, list[str]]] = defaultdict(lambda: {"expected": [], "actual": []})
    for member in publication.rows("members", tenant):
        members[member["match_id"]][member["side"]].append(str(member["native_id"]))
    rows = [
        dict(row)
        | {
            "expected_ids": tuple(sorted(members[row["match_id"]]["expected"])),
            "actual_ids": tuple(sorted(members[row["match_id"]]["actual"])),
        }
        for row in publication.rows("matches", tenant)
    ]
    wanted = [
        {
            key: tuple(sorted(map(str, value))) if key.endswith("_ids") else value
            for key, value in match.items()
        }
        for match in expected.get("matches", ())
    ]
    found = _missing("matches", wanted, rows)
    for entry in expected.get("unmatched", ()):
        for row in rows:
            ids = set(row["expected_ids"]) | set(row["actual_ids"])
            both = row["expected_ids"] and row["actual_ids"]
            settled = row["match_kind"] in SETTLED and both and row["leg_code"] == entry["leg"]
            found += [
                f"matches: {name} must stay open on leg {entry['leg']}, but is in {_told(row)}"
                for name in entry["ids"]
                if settled and str(name) in ids
            ]
    return found


def _counts(
    publication: Publication, tenant: str, wanted: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Compare numbers of rows, or sums over them."""
    found = []
    for entry in wanted:
        where = {key: entry[key] for key in entry if key not in {"of", "count", "sum_of", "is"}}
        rows = [row for row in publication.rows(entry["of"], tenant) if _fits(where, row)]
        if "count" in entry and len(rows) != entry["count"]:
            found.append(f"{entry['of']}: {len(rows)} with {where}, expected {entry['count']}")
        if "sum_of" in entry:
            total = sum((row[entry["sum_of"]] for row in rows), Decimal(0))
            if not _same(entry["is"], total):
                found.append(f"{entry['of']}: {entry['sum_of']} of {where} is {total}")
    return found


def _incidents(
    publication: Publication, tenant: str, wanted: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Compare the common causes, which must be these and no others, when any are expected."""
    if not wanted:
        return []
    members: dict[str, list[Row]] = defaultdict(list)
    for row in publication.rows("exceptions", tenant):
        if row["incident_id"] is not None:
            members[row["incident_id"]].append(row)
    rows = [
        {"members": len(rows), "leak_amount": sum(row["leak_amount"] for row in rows)}
        for rows in members.values()
    ]
    found = _missing("incidents", wanted, rows)
    if len(rows) != len(wanted):
        found.append(f"incidents: {len(rows)}, expected {len(wanted)}")
    return found


def _missing(
    table: str,
    wanted: Sequence[Mapping[str, Any]],
    rows: Sequence[Row],
    taken: list[Row] | None = None,
) -> list[str]:
    """Give each wanted row a row of its own, and say which have none and what came nearest."""
    free = list(rows)
    found = []
    for entry in wanted:
        row = next((row for row in free if _fits(entry, row)), None)
        if row is None:
            nearest = max(free, key=lambda row: _score(entry, row), default=None)
            told = _told(nearest) if nearest and _score(entry, nearest) else "nothing like it"
            found.append(f"{table}: expected {dict(entry)}, there is {told}")
        else:
            free.remove(row)
            if taken is not None:
                taken.append(row)
    return found


def _fits(entry: Mapping[str, Any], row: Row) -> bool:
    return all(_same(value, row[SHORT.get(key, key)]) for key, value in entry.items())


def _score(entry: Mapping[str, Any], row: Row) -> int:
    return sum(_same(value, row[SHORT.get(key, key)]) for key, value in entry.items())


def _same(wanted: Any, actual: Any) -> bool:
    """Return whether a value is as wanted."""
    if isinstance(wanted, list):
        return any(_same(value, actual) for value in wanted)
    if wanted is None or isinstance(wanted, bool):
        return wanted is actual
    if isinstance(actual, Decimal | int) and not isinstance(actual, bool):
        return Decimal(str(wanted)) == actual
    if isinstance(actual, date | datetime):
        return str(actual).startswith(str(wanted))
    return wanted == actual if isinstance(wanted, tuple) else str(wanted) == str(actual)


def _told(row: Row) -> str:
    """Say the columns of a row that people look at."""
    shown = (*SHORT.values(), "residual_class", "cardinality", "leak_kind", "is_reconciled")
    parts = {
        name: str(row[name])
        for name in (
            *shown,
            "expected_ids",
            "actual_ids",
            "explanation",
            "due_at",
            "version_no",
            "artifact_kind",
            "amount",
            "hold_reason",
            "is_provisional",
            "artifact_version",
            "order_version",
        )
        if row.get(name) not in (None, "")
    }
    return ", ".join(f"{name}={value}" for name, value in parts.items())
