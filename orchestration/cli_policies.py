"""`meshline policies`: the operating model as people see it.

What belongs here: what is printed. What does not: what makes a model sound (`core.policies`).
Only `orchestration.cli` may import this.
"""

from typing import Any

from orchestration.cli_display import print_json, stdout
from orchestration.connectors.operating_model import load_operating_model
from orchestration.core.policies import OperatingModel
from orchestration.settings import Settings


def show_policies(settings: Settings, *, as_json: bool) -> None:
    """Print what the operating model holds, and which workflows are not automated and why.

    Raises:
        PolicyError: It is not sound; the message lists every problem.
    """
    model = load_operating_model(settings.seeds)
    if as_json:
        print_json(as_document(model))
        return
    page = stdout()
    page.print(f"The operating model is sound: version {model.version}.")
    page.print(
        f"{len(model.roles)} roles, {len(model.classes)} exception classes with RACI and playbook, "
        f"{len(model.limits)} approval limits, {len(model.reasons)} reason codes, "
        f"{len(model.targets.targets)} delivery targets, {len(model.workflows)} workflows."
    )
    for workflow in model.workflows.values():
        page.print(f"  {workflow.workflow}: {workflow.blocked_because or 'automated'}")


def as_document(model: OperatingModel) -> dict[str, Any]:
    """Return what `--json` prints."""
    return {
        "version": model.version,
        "roles": sorted(model.roles),
        "exception_classes": len(model.classes),
        "playbooks": {code: book.version for code, book in sorted(model.playbooks.items())},
        "targets": sorted(model.targets.targets),
        "workflows": {
            name: {"automated": one.blocked_because is None, "blocked_because": one.blocked_because}
            for name, one in sorted(model.workflows.items())
        },
    }
