"""What the events of a dbt call say: how far it is, and what its end means for the run.

What belongs here: reading the structured log of dbt. What does not: calling dbt
(`orchestration.dbt_runs`). Whoever may import `orchestration.dbt_runs` may import this.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestration.core.errors import BlockedByCheck, ReconError
from orchestration.warehouse.run_checks import RunCheck

RESULT_EVENTS = frozenset({"LogSeedResult", "LogModelResult", "LogSnapshotResult", "LogTestResult"})
SHOWN_PROBLEMS = 12


class DbtFailed(ReconError):
    """dbt could not build a model: a defect of the SQL or of the machine, not of the data."""


@dataclass(frozen=True, slots=True)
class DbtProblem:
    """One node that dbt could not finish well.

    Attributes:
        unique_id: The node as dbt names it, such as `test.meshline.assert_money_is_conserved`.
        is_check: Whether it is a test, which judges the data that was built.
        message: What dbt says, in its own words.
        failure_count: Rows that failed a test; 0 for an error.
    """

    unique_id: str
    is_check: bool
    message: str
    failure_count: int

    @property
    def name(self) -> str:
        """The node's name without its kind and project."""
        return self.unique_id.split(".")[2] if self.unique_id.count(".") > 1 else self.unique_id


@dataclass(slots=True)
class DbtWatch:
    """Follows the events of one dbt call: how far it is, and what went wrong.

    Attributes:
        advanced: Called with done, total and the node's name after each node.
        done: Nodes finished.
        total: Nodes to do; 0 while dbt has not said.
        problems: Nodes that failed, in the order of their ends.
        errors: Messages of level error that belong to no node, such as a compilation error.
        checks: Every test, in the order of their ends.
    """

    advanced: Callable[[int, int, str], None]
    done: int = 0
    total: int = 0
    problems: list[DbtProblem] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    checks: list[RunCheck] = field(default_factory=list)

    def see(self, event: Mapping[str, Any]) -> None:
        """Take in one structured log event of dbt."""
        info, data = event.get("info", {}), event.get("data", {})
        node = data.get("node_info", {})
        check = _check_of(info, data, node)
        if check is not None:
            self.checks.append(check)
        if info.get("name") in RESULT_EVENTS:
            self.done, self.total = int(data.get("index", 0)), int(data.get("total", 0))
            self._judge(node, data, info)
            self.advanced(self.done, self.total, str(node.get("node_name", "")))
        elif info.get("level") == "error" and info.get("msg", "").strip():
            self.errors.append(info["msg"].strip())

    def _judge(
        self, node: Mapping[str, Any], data: Mapping[str, Any], info: Mapping[str, Any]
    ) -> None:
        status = str(node.get("node_status") or data.get("status", "")).lower()
        if status not in {"error", "fail", "runtime error"}:
            return
        self.problems.append(
            DbtProblem(
                unique_id=str(node.get("unique_id", "")),
                is_check=status == "fail",
                message=str(info.get("msg", "")).strip(),
                failure_count=int(data.get("num_failures") or 0),
            )
        )

    def summary(self) -> str:
        """A few words on what was done."""
        failed = f", {len(self.problems)} of them failed" if self.problems else ""
        return f"{self.done} models and tests{failed}"

    def raise_if_unfit(self, *, phase: str, exit_code: int, log: Path) -> None:
        """Raise what the call's end means for the run; return when all is well.

        Raises:
            BlockedByCheck: Only tests failed: the data breaks what must hold.
            DbtFailed: A model could not be built, or dbt itself broke off.
        """
        broken = [one for one in self.problems if not one.is_check]
        if exit_code == 0 and not self.problems:
            return
        if self.problems and not broken:
            raise BlockedByCheck(_message_of_checks(phase, self.problems))
        raise DbtFailed(_message_of_failure(phase, broken, self.errors, exit_code, log))


def _check_of(
    info: Mapping[str, Any], data: Mapping[str, Any], node: Mapping[str, Any]
) -> RunCheck | None:
    """What is kept of a test that ended or was left out; None for any other event.

    dbt's own words are kept where the test broke; where rows fail it, their number says more.
    """
    if info.get("name") == "LogTestResult":
        status = str(node.get("node_status") or data.get("status", "")).lower()
        status = "error" if status == "runtime error" else status
    elif info.get("name") == "SkippingDetails" and data.get("resource_type") == "test":
        status = "skipped"
    else:
        return None
    return RunCheck(
        made_by="dbt",
        scope="",
        name=str(node.get("unique_id", "")),
        severity="critical",
        status=status,
        judged_count=None,
        failed_count=int(data.get("num_failures") or 0),
        reason=str(info.get("msg", "")).strip() if status == "error" else "",
    )


def _message_of_checks(phase: str, problems: Sequence[DbtProblem]) -> str:
    listed = [
        f"  {one.name}: {one.failure_count} rows break it" for one in problems[:SHOWN_PROBLEMS]
    ]
    more = len(problems) - len(listed)
    return "\n".join(
        [
            f"{len(problems)} of the checks that must hold in every run failed in {phase}.",
            "Nothing was published; the last good publication stays.",
            *listed,
            *([f"  and {more} more"] if more else []),
            "Each is dbt_project/tests/<name>.sql or stands in a _models.yml, with its reason.",
        ]
    )


def _message_of_failure(
    phase: str, broken: Sequence[DbtProblem], errors: Sequence[str], exit_code: int, log: Path
) -> str:
    listed = [f"  {one.name}: {one.message}" for one in broken[:SHOWN_PROBLEMS]]
    listed += [f"  {text}" for text in errors[:SHOWN_PROBLEMS]]
    return "\n".join(
        [
            f"dbt could not finish {phase} (exit code {exit_code}):",
            *(listed or ["  it ended without a message"]),
            f"Nothing was published. dbt's own log: {log}",
        ]
    )
