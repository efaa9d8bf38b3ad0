"""The end of a run: tickets, fingerprints of the marts, and the publication that readers see.

What belongs here: the three assets. What does not: hashing, copying and swapping
(`orchestration.warehouse`). Only `orchestration.defs` and `orchestration.definitions` import this.
"""

from collections.abc import Sequence

import dagster as dg

from orchestration.defs.layers import layer_of
from orchestration.runner import fingerprint, publish, tickets
from orchestration.session import RunSession

FINGERPRINTS = dg.AssetKey(["marts", "run_fingerprints"])
PUBLICATION = dg.AssetKey(["serving", "publication"])
TICKETS = dg.AssetKey(["ledger", "tickets"])


def tickets_asset(marts: Sequence[dg.AssetKey]) -> dg.AssetsDefinition:
    """Return the asset that holds a ticket for each exception; blocking checks stand before it."""

    @dg.asset(
        key=TICKETS,
        deps=marts,
        group_name="ledger",
        owners=[layer_of("ledger").owner],
        kinds={"sqlite", "python"},
        pool="warehouse",
        description="A ticket for each exception, and the run on record, chained and signed.",
    )
    def tend_tickets(run: dg.ResourceParam[RunSession]) -> dg.MaterializeResult:
        report = tickets(run)
        return dg.MaterializeResult(
            metadata={
                "opened": report.opened,
                "updated": report.updated,
                "reopened": report.reopened,
                "closed": report.closed,
            }
        )

    return tend_tickets


def fingerprints_asset(marts: Sequence[dg.AssetKey]) -> dg.AssetsDefinition:
    """Return the asset that holds row count and hash of each mart, run by run."""

    @dg.asset(
        key=FINGERPRINTS,
        deps=[*marts, TICKETS],
        group_name="marts",
        owners=[layer_of("marts").owner],
        kinds={"duckdb", "python"},
        pool="warehouse",
        description="Row count and order-independent hash of each public table, for every run.",
    )
    def run_fingerprints(run: dg.ResourceParam[RunSession]) -> dg.MaterializeResult:
        found = fingerprint(run)
        return dg.MaterializeResult(
            metadata={
                "tables": len(found),
                "rows": sum(one.row_count for one in found),
                "row_counts": {one.table_name: one.row_count for one in found},
            }
        )

    return run_fingerprints


def publication_asset(marts: Sequence[dg.AssetKey]) -> dg.AssetsDefinition:
    """Return the asset that readers open; blocking checks stand before it."""

    @dg.asset(
        key=PUBLICATION,
        deps=[*marts, FINGERPRINTS, TICKETS],
        group_name="serving",
        owners=[layer_of("serving").owner],
        kinds={"duckdb", "file"},
        pool="warehouse",
        description="The marts in a file of their own; never written again once it is there.",
    )
    def publication(run: dg.ResourceParam[RunSession]) -> dg.MaterializeResult:
        path = publish(run)
        return dg.MaterializeResult(
            metadata={"path": dg.MetadataValue.path(path), "bytes": path.stat().st_size}
        )

    return publication
