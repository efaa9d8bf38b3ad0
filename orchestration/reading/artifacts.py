"""The artifacts that are published, for the outbox.

What belongs here: reading `marts.fct_artifacts` some rows at a time, and holding what no workflow
sends. What does not: what becomes of them. `orchestration.delivery` imports this.
"""

from collections.abc import Callable, Iterator
from typing import Any

from orchestration.ledger.outbox_rows import ArtifactRow
from orchestration.warehouse.reader import Published

ROWS_AT_ONCE = 2000
# A statement is of no one order; neither is anything where the publication has no orders.
_ORDER_TYPE = {
    True: {
        "order_type": "case when fct_orders.recon_key is not null "
        "then coalesce(fct_orders.order_type, '') end",
        "join": "left join marts.fct_orders on fct_artifacts.recon_key = fct_orders.recon_key",
    },
    False: {"order_type": "null", "join": ""},
}
# Lower versions first: an order's documents become known in the order in which they were made.
ARTIFACTS = """
    select
        fct_artifacts.artifact_id,
        fct_artifacts.artifact_kind,
        coalesce(fct_artifacts.recon_key, '') as recon_key,
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
        fct_artifacts.payload,
        {order_type} as order_type
    from marts.fct_artifacts
    {join}
    order by
        fct_artifacts.order_version,
        fct_artifacts.artifact_version,
        fct_artifacts.order_key,
        fct_artifacts.artifact_id
"""


# Why an artifact of a kind and order type does not go by itself.
Blocks = Callable[[str, str | None], tuple[str, ...]]


def read_artifacts(published: Published, blocks: Blocks) -> Iterator[tuple[ArtifactRow, ...]]:
    """Yield what is published, a few thousand rows at a time, in the order of versions.

    Args:
        published: Open. Yields nothing when it is older than the mart.
        blocks: What it says of an artifact that is ready holds it, with that reason.
    """
    if "fct_artifacts" not in published.tables:
        return
    cursor = published.cursor()
    try:
        result = cursor.execute(ARTIFACTS.format(**_ORDER_TYPE["fct_orders" in published.tables]))
        names = [column[0] for column in result.description]
        while rows := result.fetchmany(ROWS_AT_ONCE):
            yield tuple(_row(dict(zip(names, row, strict=True)), blocks) for row in rows)
    finally:
        cursor.close()


def _row(values: dict[str, Any], blocks: Blocks) -> ArtifactRow:
    """One row as the outbox takes it."""
    order_type = values.pop("order_type")
    if values["status_code"] == "ready":
        found = blocks(values["artifact_kind"], order_type)
        if found:
            values |= {"status_code": "held", "hold_reason": f"Workflow: {'; '.join(found)}."}
    values["rule_version"] = str(values["rule_version"])
    values["order_version"] = int(values["order_version"])
    values["artifact_version"] = int(values["artifact_version"])
    return ArtifactRow(**values)
