"""The gates as asset checks: over their data, over orders about to go downstream, over our marts.

What belongs here: the checks. What does not: what is asked (`expectations`) and what a refusal
means (`orchestration.runner`). Only `orchestration.defs` and `orchestration.definitions` import it.
"""

from collections.abc import Iterator, Mapping, Sequence

import dagster as dg

from expectations.results import GateReport
from orchestration.core.contracts import SourceContract
from orchestration.defs.ingest import raw_key
from orchestration.defs.layers import layer_of
from orchestration.runner import published_gate, source_gate, validation_gate
from orchestration.session import RunSession

SHOWN_FAILURES = 20
# What the validation gate reads: written by the first phase, waited for by the second.
SUBJECTS = dg.AssetKey(["gates", "int_gate_subjects"])
# What the gates write while they judge, read by the models as a source like any other.
RECORDS: Mapping[str, str] = {
    "validation_results": "One row per check and run, with how many rows were judged and failed.",
    "failed_rows": "Every row that failed a check, with what was expected and what it says.",
}


def gate_records() -> tuple[dg.AssetSpec, ...]:
    """Return the tables of the gates: known to Dagster, written by the checks."""
    return tuple(
        dg.AssetSpec(
            ["gates", name],
            group_name="gates",
            owners=[layer_of("gates").owner],
            kinds={"duckdb", "greatexpectations"},
            description=description,
        )
        for name, description in RECORDS.items()
    )


def source_gate_check(contracts: Mapping[str, SourceContract]) -> dg.AssetChecksDefinition:
    """Return the gate over what was loaded: one check per stream, one step for all."""
    keys = {
        f"{stream.source}.{stream.name}": raw_key(stream)
        for one in contracts.values()
        for stream in one.streams.values()
    }

    @dg.multi_asset_check(
        name="gate_source",
        specs=[_spec("gate_raw__" + key.path[-1], key) for key in keys.values()],
        pool="warehouse",
        description="Judges the loaded rows stream by stream; what blocks is kept from the models.",
    )
    def gate(run: dg.ResourceParam[RunSession]) -> Iterator[dg.AssetCheckResult]:
        yield from _results(source_gate(run), keys, "gate_raw__")

    return gate


def validation_gate_check(gate_codes: Sequence[str]) -> dg.AssetChecksDefinition:
    """Return the gate over the order versions: one check a gate, between the two phases.

    A failure is a result, not a failure of the run: the models behind it hold the orders. It is
    blocking so that those models wait for it.
    """

    @dg.multi_asset_check(
        name="gate_validation",
        specs=[
            dg.AssetCheckSpec(
                code.lower(),
                asset=SUBJECTS,
                blocking=True,
                description="The failing orders, all of them, are in gates.failed_rows.",
            )
            for code in gate_codes
        ],
        pool="warehouse",
        description="Judges the orders that are about to go downstream; what fails is held.",
    )
    def gate(run: dg.ResourceParam[RunSession]) -> Iterator[dg.AssetCheckResult]:
        report = validation_gate(run)
        for code in gate_codes:
            answers = [one for one in report.checks if one.expectation == code]
            failed = [one for one in answers if not one.success]
            yield dg.AssetCheckResult(
                asset_key=SUBJECTS,
                check_name=code.lower(),
                passed=not failed,
                severity=dg.AssetCheckSeverity.WARN,
                metadata={
                    "failing_rows": sum(one.unexpected_count for one in failed),
                    "failed": [one.sentence() for one in failed],
                },
            )

    return gate


def published_gate_check(marts: Sequence[dg.AssetKey]) -> dg.AssetChecksDefinition:
    """Return the gate over the marts, before anybody can read them."""
    keys = {f"marts.{key.path[-1]}": key for key in marts}

    @dg.multi_asset_check(
        name="gate_published",
        specs=[_spec("gate_marts__" + key.path[-1], key) for key in keys.values()],
        pool="warehouse",
        description="Judges the marts against the published contract.",
    )
    def gate(run: dg.ResourceParam[RunSession]) -> Iterator[dg.AssetCheckResult]:
        yield from _results(published_gate(run), keys, "gate_marts__")

    return gate


def _spec(name: str, key: dg.AssetKey) -> dg.AssetCheckSpec:
    """One blocking check of an asset."""
    return dg.AssetCheckSpec(
        name,
        asset=key,
        blocking=True,
        description="The failing rows, all of them, are in gates.failed_rows.",
    )


def _results(
    report: GateReport, keys: Mapping[str, dg.AssetKey], prefix: str
) -> Iterator[dg.AssetCheckResult]:
    """One result per asset from the answers about its suite; an asset nobody asked about passes."""
    for suite, key in keys.items():
        answers = [one for one in report.checks if one.suite == suite]
        failed = [one for one in answers if not one.success]
        blocks = any(one.is_blocking_failure for one in failed)
        yield dg.AssetCheckResult(
            asset_key=key,
            check_name=prefix + key.path[-1],
            passed=not failed,
            severity=dg.AssetCheckSeverity.ERROR if blocks else dg.AssetCheckSeverity.WARN,
            metadata={
                "checks": len(answers),
                "failing_rows": sum(one.unexpected_count for one in failed),
                "failed": [one.sentence() for one in failed[:SHOWN_FAILURES]],
            },
        )
