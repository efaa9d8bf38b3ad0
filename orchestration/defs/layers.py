"""The layers of the flow as Dagster shows them: group, owner and what each one is for.

What belongs here: the declared maps, without fallback, so that a new schema without an owner stops
the definitions from loading. What does not: assets. Only `orchestration.defs` may import this.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from orchestration.core.errors import ReconError


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of the flow.

    Attributes:
        owner: The team that answers for what is in it.
        purpose: Shown where an asset has no description of its own.
    """

    owner: str
    purpose: str


LAYERS: Mapping[str, Layer] = {
    "landing": Layer("team:platform", "Extracts as the source systems delivered them."),
    "raw": Layer("team:platform", "Rows as they were read, append-only, each with its origin."),
    "seeds": Layer("team:control", "The operating model as data, reviewed in pull requests."),
    "staging": Layer("team:platform", "Native columns named as the canonical columns."),
    "entities": Layer("team:platform", "All sources of one entity together."),
    "calendars": Layer("team:finance", "Business days and what they make due."),
    "identity": Layer("team:platform", "Which native ids mean the same order."),
    "orders": Layer("team:sales", "The canonical order in its versions, with its lines."),
    "legs": Layer("team:finance", "What must exist, and what the systems reported."),
    "matching": Layer("team:finance", "Which evidence answers which expectation."),
    "accounting": Layer("team:finance", "What became of every row that was read."),
    "periods": Layer("team:finance", "Months: what lies in each, and what was known at close."),
    "gates": Layer("team:control", "What the gates found."),
    "ops": Layer("team:platform", "The record of runs."),
    "states": Layer("team:control", "How each leg and order stands, and since when."),
    "exceptions": Layer("team:operations", "Differences, each with an owner and a due time."),
    "artifacts": Layer("team:finance", "What downstream systems should hold."),
    "marts": Layer("team:finance", "The public tables."),
    "ledger": Layer("team:control", "What people and the engine decided, append-only."),
    "serving": Layer("team:platform", "What readers see: one file per publication."),
}


def layer_of(schema: str) -> Layer:
    """Return the layer of a schema.

    Raises:
        ReconError: The schema is in no layer.
    """
    if schema not in LAYERS:
        raise ReconError(
            f"Schema {schema} has no layer: name its owner and purpose in "
            "orchestration/defs/layers.py."
        )
    return LAYERS[schema]
