"""What the definitions consist of, as text that a reviewer can read in a diff.

What belongs here: writing it and comparing with what was reviewed. What does not: a judgement.
`python -m tests.definitions.snapshots` writes the reviewed text anew; commit it with its cause.
"""

import tempfile
from pathlib import Path

import dagster as dg

from orchestration.definitions import build_definitions
from orchestration.defs.schedules import JOB_NAME
from orchestration.settings import load_settings

REVIEWED = Path(__file__).with_name("reviewed.txt")


def describe(definitions: dg.Definitions) -> str:
    """Return every asset by group, every check of our own, job, schedule and sensor."""
    graph = definitions.resolve_asset_graph()
    lines = []
    for group in sorted({graph.get(key).group_name for key in graph.get_all_asset_keys()}):
        lines.append(f"{group}")
        lines += sorted(
            f"  {key.to_user_string()}"
            for key in graph.get_all_asset_keys()
            if graph.get(key).group_name == group
        )
    job = definitions.resolve_job_def(JOB_NAME)
    lines += ["steps of " + job.name, *sorted(f"  {node.name}" for node in job.graph.nodes)]
    lines += [f"schedule {one.name}: {one.cron_schedule}" for one in definitions.schedules]
    lines += [f"sensor {one.name}" for one in definitions.sensors]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as home:
        REVIEWED.write_text(describe(build_definitions(load_settings(home=Path(home)))))
