"""Match groups of an order or an exception, found by the order that they lie beside.

What belongs here: reading them fast at any size. What does not: how they look.

A publication keeps what belongs to one order together, and a search by match id alone reads the
whole table. A match that names one order has its members there, or where no order is named; only a
match of several orders is searched for everywhere.
"""

from collections.abc import Sequence
from typing import Any

from console.data import Data

_IDS = """
    select distinct match_id from fct_match_members where recon_key = $recon_key
"""
_BESIDE = """
    select * from fct_matches where recon_key = $recon_key and match_id in (select unnest($ids))
"""
_OF_SEVERAL = """
    select * from fct_matches where recon_key is null and match_id in (select unnest($ids))
"""
_MEMBERS_BESIDE = """
    select * from fct_match_members
    where recon_key = $recon_key and match_id in (select unnest($ids))
    union all
    select * from fct_match_members
    where recon_key is null and match_id in (select unnest($ids))
"""
_MEMBERS_ANYWHERE = """
    select * from fct_match_members where match_id in (select unnest($ids))
"""
_ORDER = " order by match_id, side desc, stream, native_id, line_no limit 1000"

Rows = list[dict[str, Any]]


def matches_of(data: Data, recon_key: str) -> tuple[Rows, Rows]:
    """Return the matches of an order, by leg, and all their members, the expected ones first."""
    ids = sorted(row["match_id"] for row in data.rows(_IDS, recon_key=recon_key))
    matches, members = _found(data, recon_key, ids)
    return sorted(matches, key=lambda row: (row["leg_code"], row["match_id"])), members


def match_of(
    data: Data, match_id: str, recon_key: str | None
) -> tuple[dict[str, Any] | None, Rows]:
    """Return one match and its members; None without one that the viewer may see."""
    matches, members = _found(data, recon_key or "", [match_id])
    return (matches[0] if matches else None), members


def _found(data: Data, recon_key: str, ids: Sequence[str]) -> tuple[Rows, Rows]:
    """The matches of these ids, those of the order first, and their members."""
    if not ids:
        return [], []
    beside = list(data.rows(_BESIDE, recon_key=recon_key, ids=list(ids)))
    near = sorted(row["match_id"] for row in beside)
    far = sorted(set(ids) - set(near))
    members: Rows = []
    if near:
        members += data.rows(f"{_MEMBERS_BESIDE} {_ORDER}", recon_key=recon_key, ids=near)
    if far:
        beside += data.rows(_OF_SEVERAL, ids=far)
        members += data.rows(f"{_MEMBERS_ANYWHERE} {_ORDER}", ids=far)
    return beside, members
