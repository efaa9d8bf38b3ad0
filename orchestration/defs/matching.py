"""The step between the phases of dbt: matches among members that have no key in common.

What belongs here: the asset. What does not: how anything is matched
(`orchestration.core.matching`). Only `orchestration.defs` and `orchestration.definitions` may
import this.
"""

import dagster as dg

from orchestration.defs.layers import layer_of
from orchestration.runner import assign
from orchestration.session import RunSession

OPEN_ITEMS = dg.AssetKey(["matching", "int_open_items"])
CANDIDATE_RULES = dg.AssetKey(["seeds", "candidate_rules"])
ASSIGNMENTS = dg.AssetKey(["matching", "assignments"])


def assignments_asset() -> dg.AssetsDefinition:
    """Return the asset that holds what was matched, suggested or left open without a key."""

    @dg.asset(
        key=ASSIGNMENTS,
        deps=[OPEN_ITEMS, CANDIDATE_RULES],
        group_name="matching",
        owners=[layer_of("matching").owner],
        kinds={"duckdb", "python"},
        pool="warehouse",
        description="Matches by amount, date and text among what no key has matched.",
    )
    def assignments(run: dg.ResourceParam[RunSession]) -> dg.MaterializeResult:
        report = assign(run)
        return dg.MaterializeResult(
            metadata={
                "items": report.items,
                "confirmed": report.confirmed,
                "suggested": report.suggested,
                "given_up": report.given_up,
            }
        )

    return assignments
