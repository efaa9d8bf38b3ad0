"""Landing and raw: one asset per stream of a source contract, all loaded by one step.

What belongs here: the assets. What does not: loading (`orchestration.warehouse.loader`).
Only `orchestration.defs` and `orchestration.definitions` may import this.
"""

from collections.abc import Iterator, Mapping

import dagster as dg

from orchestration.core.contracts import SourceContract, StreamContract
from orchestration.defs.layers import layer_of
from orchestration.runner import ingest
from orchestration.session import RunSession

# What the loader keeps about its own work, read by the accounting mart.
BOOKKEEPING: Mapping[str, str] = {
    "files": "One row per delivery: what became of it, and why.",
    "rejected_rows": "Rows that could not be read, with file, line, column, reason and text.",
    "duplicate_rows": "Rows that were there before, counted.",
    "accounting": "What each file said in sum, taken from its text alone.",
    "source_rows": "Every stored row of every stream with its amount, as one relation.",
    "streams": "Every stream of every contract, with and without rows.",
    "ledger_events": "Events of the ledger, taken over by their number.",
    "schema_changes": "Columns that came, went or changed, and until when that is accepted.",
}


def raw_key(stream: StreamContract) -> dg.AssetKey:
    """The asset of one stream."""
    return dg.AssetKey(["raw", f"{stream.source}__{stream.name}"])


def landing_assets(contracts: Mapping[str, SourceContract]) -> tuple[dg.AssetSpec, ...]:
    """Return the folders that other systems write: known to Dagster, made by nobody here."""
    return tuple(
        dg.AssetSpec(
            ["landing", contract.source],
            group_name="landing",
            owners=[layer_of("landing").owner],
            kinds={"file"},
            description=contract.description,
        )
        for contract in contracts.values()
    )


def raw_assets(contracts: Mapping[str, SourceContract]) -> dg.AssetsDefinition:
    """Return the step that loads what landed.

    A run in which nothing is new yields no asset at all: Dagster then skips everything behind.
    """
    streams = [stream for one in contracts.values() for stream in one.streams.values()]
    owner = layer_of("raw").owner

    def spec(name: str, description: str, deps: list[list[str]]) -> dg.AssetSpec:
        return dg.AssetSpec(
            ["raw", name],
            deps=deps,
            skippable=True,
            group_name="raw",
            owners=[owner],
            kinds={"duckdb"},
            description=description,
        )

    specs = [
        *(
            spec(
                raw_key(stream).path[-1],
                f"Rows of stream {stream.name} ({stream.entity}) of source {stream.source}.",
                [["landing", stream.source]],
            )
            for stream in streams
        ),
        *(
            spec(name, description, [["landing", source] for source in contracts])
            for name, description in BOOKKEEPING.items()
        ),
    ]

    @dg.multi_asset(
        name="ingest",
        specs=specs,
        can_subset=False,
        pool="warehouse",
        description="Loads every new delivery, or refuses it whole; unchanged files cost nothing.",
    )
    def load(run: dg.ResourceParam[RunSession]) -> Iterator[dg.MaterializeResult]:
        report = ingest(run)
        if run.is_unchanged:
            return
        for stream in streams:
            files = [
                one
                for one in report.files
                if (one.source, one.stream) == (stream.source, stream.name)
            ]
            yield dg.MaterializeResult(
                asset_key=raw_key(stream),
                metadata={
                    "files": len(files),
                    "rows_loaded": sum(one.rows_loaded for one in files),
                    "rows_duplicate": sum(one.rows_duplicate for one in files),
                    "rows_rejected": sum(one.rows_rejected for one in files),
                    "refused": [f"{one.file_name}: {one.reason}" for one in files if one.fault_id],
                },
            )
        for name in BOOKKEEPING:
            yield dg.MaterializeResult(asset_key=["raw", name])

    return load
