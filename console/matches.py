"""Match groups of an order or an exception, found by the order that they lie beside.

What belongs here: reading them fast at any size. What does not: how they look.

A publication keeps what belongs to one order together, and a search by match id alone reads the
whole table. A match that names one order has its members there. One that names none is searched for
where no order is named, and only one of several orders everywhere.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from console.data import Data

_IDS = """
    select distinct match_id from fct_match_members where recon_key = $recon_key
"""
_BESIDE = """
    select * from fct_matches where recon_key = $recon_key and list_contains($ids, match_id)
"""
_OF_SEVERAL = """
    select * from fct_matches where recon_key is null and list_contains($ids, match_id)
"""
_ORDER = "order by match_id, side desc, stream, native_id, line_no limit 1000"
_MEMBERS_BESIDE = f"""
    select * from fct_match_members
    where recon_key = $recon_key and list_contains($ids, match_id)
    {_ORDER}
"""
_MEMBERS_OF_NONE = f"""
    select * from fct_match_members where recon_key is null and list_contains($ids, match_id)
    {_ORDER}
"""
_MEMBERS_ANYWHERE = f"""
    select * from fct_match_members where list_contains($ids, match_id)
    {_ORDER}
"""
_ONE_TO_ONE = "1:1"

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
        members += data.rows(_MEMBERS_BESIDE, recon_key=recon_key, ids=near)
    if far:
        several = data.rows(_OF_SEVERAL, ids=far)
        beside += several
        members += _members_far(data, several)
    return beside, members


def _members_far(data: Data, matches: Sequence[Mapping[str, Any]]) -> Rows:
    """The members of matches that name no single order.

    A bank line and its batch, one against one, name no order at all, so their two members are
    looked for where no order is named before everything is read.
    """
    ids = sorted(match["match_id"] for match in matches)
    if not ids:
        return []
    if all(match["cardinality"] == _ONE_TO_ONE for match in matches):
        members = data.rows(_MEMBERS_OF_NONE, ids=ids)
        if len(members) == 2 * len(ids):
            return list(members)
    return list(data.rows(_MEMBERS_ANYWHERE, ids=ids))
