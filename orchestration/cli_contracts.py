"""`meshline contracts shadow` and `contracts release`: what they do and print.

What belongs here: the commands and the look of their answer. What does not: reading by two
contracts (`orchestration.contract_shadow`), asking for a release (`orchestration.cli_releases`).
Only `orchestration.cli` may import this.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from orchestration.cli_options import Actor, Home, Json, settings_of
from orchestration.settings import Settings

if TYPE_CHECKING:
    from orchestration.contract_shadow import ContractShadow


Proposal = Annotated[
    Path, typer.Argument(metavar="FILE", help="The proposed contract, <source>.yml.")
]
Landing = Annotated[
    Path | None, typer.Option("--landing", metavar="DIR", help="Where the landed files lie.")
]


def shadow_contract_file(
    path: Proposal, landing: Landing = None, as_json: Json = False, home: Home = None
) -> None:
    """Show what a proposed contract would refuse or read differently of the landed files.

    Nothing is changed. `meshline contracts release` asks for the signatures.
    """
    from dataclasses import asdict

    from orchestration.cli_display import print_json

    found = _shadow(settings_of(home=home, landing=landing), path)
    if as_json:
        print_json(asdict(found))
        return
    _print(found)


def release_contract(
    path: Proposal,
    actor: Actor,
    code: Annotated[str, typer.Option("--code", metavar="CODE", help="RULE_CHANGED and the like.")],
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="At least 15 characters.")
    ],
    landing: Landing = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Validate and shadow a proposed contract, and ask for its release with what that showed.

    Others sign it with `meshline approve`; from then on a run accepts it in `seeds/sources`.
    """
    from orchestration.cli_releases import Asking, ask_release
    from orchestration.core.errors import UsageRefused
    from orchestration.releases import list_versions, version_of_contract

    settings = settings_of(home=home, landing=landing)
    found = _shadow(settings, path)
    version = version_of_contract(path)
    released = {one.version.name for one in list_versions(settings) if one.released_by}
    if version is None or version.name in released:
        raise UsageRefused(
            f"{path.name} is released already, as it stands: there is nothing to ask for."
        )
    refused = sum(1 for one in found.files if one.after_status == "refused")
    lost = sum(max(one.after_rejected - one.before_rejected, 0) for one in found.files)
    asking = Asking(
        [version],
        {
            "files": [{"place": version.place, "sha256": version.digest}],
            "landed_files": found.file_count,
            "files_refused": refused,
            "rows_rejected_more": lost,
            "columns_read_differently": [
                f"{one.table}.{one.column} {one.kind} {one.row_count}" for one in found.columns
            ],
        },
        f"{found.source} version {version.version}: of {found.file_count} landed files {refused} "
        f"would be refused and {lost:,} more rows rejected; {len(found.columns)} columns would be "
        "read differently (`meshline contracts shadow` shows which).",
        "platform",
    )
    ask_release(settings, asking, actor, code, reason, as_json=as_json)


def _shadow(settings: Settings, path: Path) -> "ContractShadow":
    from tempfile import TemporaryDirectory

    from orchestration.contract_shadow import shadow_contract

    settings.scratch.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=settings.scratch) as folder:
        return shadow_contract(settings, path, Path(folder), datetime.now(UTC))


def _print(found: "ContractShadow") -> None:
    from orchestration.cli_display import clean, stdout, table

    page = stdout()
    page.print(
        f"{found.source}: {found.file_count} landed files, of which the proposal would store "
        f"{found.row_count:,} rows. Nothing was changed."
    )
    for one in found.files:
        page.print(
            f"{clean(one.file_name)}: {one.before_status} -> {one.after_status}, rejected rows "
            f"{one.before_rejected:,} -> {one.after_rejected:,}. {clean(one.reason)}",
            soft_wrap=True,
        )
    if found.columns:
        page.print(
            table(
                "Columns that would be read differently",
                ["table", "column", "what", "rows>", "for example"],
                [
                    [one.table, one.column, one.kind, one.row_count, clean(one.example)]
                    for one in found.columns
                ],
            )
        )
    if not found.files and not found.columns:
        page.print("Every file and every cell would be read as it is now.")
