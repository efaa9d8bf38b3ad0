"""`meshline rules release`, `rules list`, `rules register`: what they do and print.

What belongs here: the commands, and asking for a release with what its shadow run showed, of a
contract too. What does not: which versions are released (`orchestration.releases`). Only the
command line may import this.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from orchestration.cli_options import Actor, Home, Json, settings_of
from orchestration.core.errors import UsageRefused
from orchestration.core.rule_versions import RuleVersion
from orchestration.settings import Settings

Proposal = Annotated[
    Path, typer.Argument(metavar="FILE", help="The proposed CSV file, or a folder of them.")
]


@dataclass(frozen=True, slots=True)
class Asking:
    """What somebody asks to release.

    Attributes:
        versions: The versions, as they would stand.
        shown: What their shadow run showed, for who signs.
        line: The same in one sentence, for who asks.
        accountable_role: Who answers for it.
    """

    versions: Sequence[RuleVersion]
    shown: Mapping[str, Any]
    line: str
    accountable_role: str


def release_rules(
    path: Proposal,
    actor: Actor,
    code: Annotated[str, typer.Option("--code", metavar="CODE", help="RULE_CHANGED and the like.")],
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="At least 15 characters.")
    ],
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Validate and shadow proposed rules, and ask for their release with what that showed.

    Others sign it with `meshline approve`; from then on a run accepts the file in `seeds/rules`.
    """
    from orchestration.cli_display import stderr
    from orchestration.cli_progress import observer
    from orchestration.cli_run import terminated_like_interrupted
    from orchestration.releases import list_versions, versions_of_file
    from orchestration.shadow import shadow

    settings = settings_of(home=home)
    settings.scratch.mkdir(parents=True, exist_ok=True)
    with (
        terminated_like_interrupted(),
        TemporaryDirectory(dir=settings.scratch) as folder,
        observer(stderr()) as watching,
    ):
        found = shadow(settings, path, Path(folder), datetime.now(UTC), watching)
    released = {one.version.name for one in list_versions(settings) if one.released_by}
    fresh = [
        version
        for proposal in found.proposals
        for version in versions_of_file(proposal.path, proposal.place)
        if version.name not in released
    ]
    if not fresh:
        raise UsageRefused(
            "Every version in the proposal is released already, as it stands: there is nothing to "
            "ask for. Files without rule versions are released where they are reviewed."
        )
    names = ", ".join(f"{one.rule_id} version {one.version}" for one in fresh)
    asking = Asking(
        fresh,
        {
            "files": [{"place": one.place, "sha256": one.digest} for one in found.proposals],
            "shadow_run_no": found.run.run_no,
            "orders_that_change": len(found.orders),
            "classes_that_change": [
                f"{one.exception_code} {one.before_count} -> {one.after_count}"
                for one in found.classes
            ],
        },
        f"{names}: on what run {found.run.run_no} knew, {len(found.orders)} orders would stand "
        f"otherwise (`meshline rules shadow` shows which).",
        "finance",
    )
    ask_release(settings, asking, actor, code, reason, as_json=as_json)


def ask_release(
    settings: Settings, asking: Asking, actor: str, code: str, reason: str, *, as_json: bool
) -> None:
    """Ask for the signatures that a release needs, and print what is wanting.

    Raises:
        UsageRefused: Nobody may ask for it with this reason, or it was asked for already.
    """
    from orchestration.cli_decide import desk_of, print_outcome
    from orchestration.ledger.approval_asking import Request
    from orchestration.ledger.approval_base import Account, Decision
    from orchestration.releases import ACTION

    versions = [
        {
            "place": one.place,
            "rule_id": one.rule_id,
            "version": one.version,
            "digest": one.digest,
        }
        for one in asking.versions
    ]
    with desk_of(settings, actor) as (desk, _):
        risk_currency = next(
            name for name, factor in sorted(desk.model.risk_factors.items()) if factor == 1
        )
        decision = Decision(
            action_code=ACTION,
            tenant="*",
            recon_key=None,
            order_version=None,
            currency_code=risk_currency,
            amount=Decimal(0),
            details={"versions": versions, **asking.shown},
        )
        asked = Request(
            decision=decision,
            reason_code=code,
            reason=reason,
            nonce="/".join(sorted(one.digest for one in asking.versions)),
            accountable_role=asking.accountable_role,
        )
        print_outcome(desk.ask(asked, Account(actor)), as_json=as_json, lines=[asking.line])


def list_rules(as_json: Json = False, home: Home = None) -> None:
    """Show every version of every rule and contract, and by what it was released."""
    from orchestration.cli_display import print_json, stdout, table
    from orchestration.releases import list_versions

    listed = list_versions(settings_of(home=home))
    rows = [
        [
            one.version.place,
            one.version.rule_id,
            one.version.version,
            one.released_by or "not released",
        ]
        for one in listed
    ]
    if as_json:
        names = ("file", "rule_id", "rule_version", "released_by")
        print_json([dict(zip(names, row, strict=True)) for row in rows])
        return
    stdout().print(table("Versions of rules", ["file", "rule", "version>", "released by"], rows))
    counted = Counter(row[3] for row in rows)
    stdout().print(", ".join(f"{count} {name}" for name, count in sorted(counted.items())))


def register_rules(
    asked_by: Annotated[
        str, typer.Option("--asked-by", metavar="PERSON", help="Who changed them.")
    ],
    signed_by: Annotated[
        str, typer.Option("--signed-by", metavar="PERSON", help="Who signed in the review.")
    ],
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="Which change it was.")] = "",
    home: Home = None,
) -> None:
    """Register versions that are signed in a pull request, as part of it."""
    from orchestration.releases import REGISTER, register

    settings = settings_of(home=home)
    count = register(settings, asked_by, signed_by, datetime.now(UTC), note)
    typer.echo(f"seeds/{REGISTER}: {count} versions registered. Review it with the rules.")
