"""The artifacts that are published, for the outbox.

What belongs here: reading `marts.fct_artifacts` some rows at a time. What does not: what becomes
of them. `orchestration.delivery` imports this.
"""

from collections.abc import Iterator
from typing import Any

from orchestration.ledger.outbox_rows import ArtifactRow
from orchestration.warehouse.reader import Published

ROWS_AT_ONCE = 2000
# Lower versions first: an order's documents become known in the order in which they were made.
ARTIFACTS = """
    select
        fct_artifacts.artifact_id,
        fct_artifacts.artifact_kind,
        fct_artifacts.recon_key,
        fct_artifacts.tenant,
        fct_artifacts.order_key,
        fct_artifacts.order_version,
        fct_artifacts.rule_id,
        fct_artifacts.rule_version,
        fct_artifacts.target_code,
        fct_artifacts.natural_key,
        fct_artifacts.artifact_version,
        fct_artifacts.is_provisional,
        fct_artifacts.content_hash,
        fct_artifacts.amount,
        fct_artifacts.currency_code,
        fct_artifacts.status_code,
        fct_artifacts.hold_reason,
        fct_artifacts.payload
    from marts.fct_artifacts
    order by
        fct_artifacts.order_version,
        fct_artifacts.artifact_version,
        fct_artifacts.order_key,
        fct_artifacts.artifact_id
"""


def read_artifacts(published: Published) -> Iterator[tuple[ArtifactRow, ...]]:
    """Yield what is published, a few thousand rows at a time, in the order of versions.

    Yields nothing when the publication is older than the mart.
    """
    if "fct_artifacts" not in published.tables:
        return
    cursor = published.cursor()
    try:
        result = cursor.execute(ARTIFACTS)
        names = [column[0] for column in result.description]
        while rows := result.fetchmany(ROWS_AT_ONCE):
            yield tuple(_row(dict(zip(names, row, strict=True))) for row in rows)
    finally:
        cursor.close()


def _row(values: dict[str, Any]) -> ArtifactRow:
    """One row as the outbox takes it."""
    values["rule_version"] = str(values["rule_version"])
    values["order_version"] = int(values["order_version"])
    values["artifact_version"] = int(values["artifact_version"])
    return ArtifactRow(**values)
