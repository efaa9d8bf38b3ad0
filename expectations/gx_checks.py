"""The checks of `plan` as Great Expectations expectations, and the two that it lacks.

What belongs here: custom metrics and expectations, and the translation of a suite.
What does not: which checks a suite holds. Imported by `runner` alone.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import great_expectations as gx
import great_expectations.expectations as gxe
import sqlalchemy as sa
from great_expectations.core import ExpectationSuite
from great_expectations.core.expectation_validation_result import ExpectationValidationResult
from great_expectations.execution_engine import ExecutionEngine, SqlAlchemyExecutionEngine
from great_expectations.expectations.expectation import (
    BatchExpectation,
    Expectation,
    MulticolumnMapExpectation,
)
from great_expectations.expectations.metrics.map_metric_provider import (
    MulticolumnMapMetricProvider,
    multicolumn_condition_partial,
)

from expectations.plan import AllowedValues, Check, ColumnTypes, RowRule, Suite


class RowsHold(MulticolumnMapMetricProvider):
    """Rows in which a SQL predicate is not false; counted in one query with all other counts."""

    condition_metric_name = "multicolumn_values.hold"
    condition_domain_keys = (
        "batch_id",
        "table",
        "column_list",
        "row_condition",
        "condition_parser",
        "ignore_row_if",
    )
    condition_value_keys = ("condition",)

    @multicolumn_condition_partial(engine=SqlAlchemyExecutionEngine)
    def _sqlalchemy(
        cls,  # noqa: N805  # the decorator hands the class over
        column_list: list[sa.ColumnClause[Any]],  # noqa: ARG002  # named by the domain
        condition: str,
        **_kwargs: object,
    ) -> sa.ColumnElement[bool]:
        return sa.literal_column(f"coalesce(({condition}), true)", sa.Boolean)


class ExpectRowsToHold(MulticolumnMapExpectation):
    """Expect a SQL predicate over the columns of a row to hold in every row; unknown holds.

    Unlike `UnexpectedRowsExpectation` it costs no scan of its own, and its failing rows can be
    selected completely by their query.
    """

    column_list: list[str]
    condition: str
    ignore_row_if: Literal["never"] = "never"  # type: ignore[assignment,unused-ignore]

    map_metric: ClassVar[str] = "multicolumn_values.hold"
    success_keys: ClassVar[tuple[str, ...]] = ("condition", "mostly")
    args_keys: ClassVar[tuple[str, ...]] = ("column_list", "condition")


class ExpectColumnTypesToMatch(BatchExpectation):
    """Expect the named columns to be there with the named types, an empty one meaning any.

    Other columns may be there too.
    """

    column_types: dict[str, str]

    metric_dependencies: ClassVar[tuple[str, ...]] = ("table.column_types",)
    success_keys: ClassVar[tuple[str, ...]] = ("column_types",)
    domain_keys: ClassVar[tuple[str, ...]] = ("batch_id",)
    args_keys: ClassVar[tuple[str, ...]] = ("column_types",)

    def _validate(
        self,
        metrics: Mapping[str, Any],
        runtime_configuration: Mapping[str, Any] | None = None,  # noqa: ARG002  # the base's form
        execution_engine: ExecutionEngine | None = None,
    ) -> dict[str, Any]:
        dialect = execution_engine.engine.dialect if execution_engine else None
        found = {
            column["name"]: normal_type(column["type"].compile(dialect=dialect))
            for column in metrics["table.column_types"]
        }
        wrong = {
            name: {"expected": normal_type(wanted) or "any", "found": found.get(name, "missing")}
            for name, wanted in self.column_types.items()
            if name not in found or (wanted and found[name] != normal_type(wanted))
        }
        return {"success": not wrong, "result": {"observed_value": wrong}}


def normal_type(text: str) -> str:
    """Return one spelling for the names that DuckDB and its dialect give to one type."""
    plain = text.lower().replace(" without time zone", "").replace(" ", "")
    plain = plain.replace("numeric(", "decimal(")
    return {"bool": "boolean", "text": "varchar", "int8": "bigint", "string": "varchar"}.get(
        plain, plain
    )


def to_expectation(check: Check) -> Expectation:
    """Return a check as an expectation that carries the check's name in its meta."""
    meta = {"check": check.name}
    severity = check.severity.value
    if isinstance(check, RowRule):
        return ExpectRowsToHold(
            # The base class wants two columns; the list only says what the failing rows show.
            column_list=list(check.columns) * (1 if len(check.columns) > 1 else 2),
            condition=check.condition,
            severity=severity,
            meta=meta,
        )
    if isinstance(check, AllowedValues):
        return gxe.ExpectColumnValuesToBeInSet(
            column=check.column, value_set=list(check.values), severity=severity, meta=meta
        )
    return ExpectColumnTypesToMatch(column_types=dict(check.types), severity=severity, meta=meta)


def to_gx_suite(suite: Suite) -> ExpectationSuite:
    """Return the suite as Great Expectations runs it."""
    return gx.ExpectationSuite(
        name=suite.name, expectations=[to_expectation(check) for check in suite.checks]
    )


def verdicts(
    suite: Suite, results: list[ExpectationValidationResult]
) -> tuple[tuple[Check, ExpectationValidationResult], ...]:
    """Return each check with its result, in the order of the suite.

    Raises:
        KeyError: A check has no result: Great Expectations lost it.
    """
    by_name = {result.expectation_config.meta["check"]: result for result in results}
    return tuple((check, by_name[check.name]) for check in suite.checks)


__all__ = ["ColumnTypes", "ExpectColumnTypesToMatch", "ExpectRowsToHold", "to_gx_suite", "verdicts"]
