"""`meshline contracts shadow`: what it prints.

What belongs here: the command and the look of its answer. What does not: reading by two contracts
(`orchestration.contract_shadow`). Only `orchestration.cli` may import this.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli_options import Home, Json, settings_of


def shadow_contract_file(
    path: Annotated[
        Path, typer.Argument(metavar="FILE", help="The proposed contract, <source>.yml.")
    ],
    landing: Annotated[
        Path | None, typer.Option("--landing", metavar="DIR", help="Where the landed files lie.")
    ] = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Show what a proposed contract would refuse or read differently of the landed files.

    Nothing is changed. A contract is released with the pull request that shows this.
    """
    from dataclasses import asdict
    from tempfile import TemporaryDirectory

    from orchestration.cli_display import clean, print_json, stdout, table
    from orchestration.contract_shadow import shadow_contract

    settings = settings_of(home=home, landing=landing)
    settings.scratch.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=settings.scratch) as folder:
        found = shadow_contract(settings, path, Path(folder), datetime.now(UTC))
    if as_json:
        print_json(asdict(found))
        return
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
