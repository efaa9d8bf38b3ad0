"""The command line: what can be said to Meshline, and how its errors end.

What belongs here: commands, their options, exit codes. What does not: anything that takes longer
than a glance to import; each command imports what it needs when it is called.
Nobody imports this but `python -m orchestration.cli` and the script `meshline`.

Exit codes: 0 done (exceptions are results, not failures), 1 failed, 2 usage or refused input,
3 a blocking check kept a run from publishing, 75 another run holds the warehouse, 130 stopped.
"""

import sys
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

import typer

from orchestration.cli_alert_apps import alerts_app
from orchestration.cli_contracts import release_contract, shadow_contract_file
from orchestration.cli_decide_app import decisions_app
from orchestration.cli_ledger_apps import UNDO, audit_app, deliver_app, ticket_app, undo
from orchestration.cli_options import CHOSEN, Home, Json, parse_moment, settings_of
from orchestration.cli_periods import period_app
from orchestration.cli_publish import publish_app
from orchestration.cli_quality_app import synthetic_app
from orchestration.cli_releases import list_rules, register_rules, release_rules
from orchestration.core.errors import ReconError, UsageRefused
from orchestration.settings import load_settings

HELP = """Reconcile what CRM, billing, fulfilment and payment systems say about each order.

`meshline run --landing DIR` reads the extracts in DIR, builds one canonical order of them, compares
every leg and publishes the result; the other commands read what was published.
"""

app = typer.Typer(
    help=HELP,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)
exceptions_app = typer.Typer(
    no_args_is_help=True, help="Differences, each with owner and due time."
)
order_app = typer.Typer(no_args_is_help=True, help="One order and everything known about it.")
contracts_app = typer.Typer(no_args_is_help=True, help="What the sources promise.")
contracts_app.command("shadow")(shadow_contract_file)
contracts_app.command("release")(release_contract)
policies_app = typer.Typer(no_args_is_help=True, help="Who does what, who signs, by when.")
app.add_typer(exceptions_app, name="exceptions")
app.add_typer(order_app, name="order")
app.add_typer(contracts_app, name="contracts")
report_app = typer.Typer(no_args_is_help=True, help="Reports for people who decide.")
app.add_typer(report_app, name="report")
app.add_typer(policies_app, name="policies")
rules_app = typer.Typer(no_args_is_help=True, help="Versions of rules before they decide.")
rules_app.command("release")(release_rules)
rules_app.command("list")(list_rules)
rules_app.command("register")(register_rules)
app.add_typer(rules_app, name="rules")
app.add_typer(ticket_app, name="ticket")
app.add_typer(audit_app, name="audit")
app.add_typer(deliver_app, name="deliver")
app.add_typer(synthetic_app, name="synthetic")
app.add_typer(decisions_app)
app.command("undo", help=UNDO)(undo)
app.add_typer(alerts_app, name="alerts")
app.add_typer(period_app, name="period")
app.add_typer(publish_app, name="publish")


@app.command()
def run(
    landing: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder with one folder per source; else <home>/landing."),
    ] = None,
    as_of: Annotated[
        str | None,
        typer.Option(
            "--as-of",
            metavar="TS",
            help="Moment that the run takes as now, ISO 8601; without offset it is UTC. Else now.",
        ),
    ] = None,
    full_refresh: Annotated[
        bool,
        typer.Option("--full-refresh", help="Build everything anew, also when nothing is new."),
    ] = False,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Read what landed, reconcile it, and publish the result."""
    from orchestration.session import RunRequest

    request = RunRequest(
        settings=settings_of(home=home, landing=landing),
        as_of=parse_moment(as_of) if as_of is not None else None,
        full_refresh=full_refresh,
    )
    from orchestration.cli_run import run as make_run

    raise typer.Exit(make_run(request, as_json=as_json))


@app.command()
def status(as_json: Json = False, home: Home = None) -> None:
    """Show the last run and the figures of what is published."""
    from orchestration.cli_show import show_status

    show_status(settings_of(home=home), as_json=as_json)


@app.command()
def quality(
    days: Annotated[int, typer.Option(min=1, help="Days back from the publication.")] = 90,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Show the quality targets, what is measured, on how many cases, and whether each is met."""
    from orchestration.cli_quality import show_quality

    show_quality(settings_of(home=home), days, as_json=as_json)


@app.command("value-map")
def value_map(
    limit: Annotated[
        int, typer.Option(min=1, help="Most accounts and orders of one currency.")
    ] = 5,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Show which few causes, accounts and orders bring most exceptions, and what is at stake."""
    from orchestration.cli_quality import show_value_map

    show_value_map(settings_of(home=home), limit, as_json=as_json)


@app.command()
def replay(
    as_of: Annotated[
        str,
        typer.Option("--as-of", metavar="TS", help="Past moment, ISO 8601; without offset UTC."),
    ],
    keep: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Keep the rebuilt home here, so that other commands can read it."
        ),
    ] = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Build again what was known at a past moment, and compare it with what was recorded then."""
    from orchestration.cli_replay import show_replay

    raise typer.Exit(
        show_replay(settings_of(home=home), parse_moment(as_of), keep, as_json=as_json)
    )


@exceptions_app.command("list")
def list_exceptions(
    exception_class: Annotated[
        str | None, typer.Option("--class", metavar="CODE", help="Such as PAY_SHORT.")
    ] = None,
    leg: Annotated[str | None, typer.Option(metavar="CODE", help="Such as payment.")] = None,
    owner: Annotated[str | None, typer.Option(metavar="ROLE", help="Such as finance.")] = None,
    severity: Annotated[str | None, typer.Option(metavar="CODE", help="Such as high.")] = None,
    waiting: Annotated[
        bool | None,
        typer.Option(
            "--waiting/--not-waiting", help="Only what waits for an approval, or only the others."
        ),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Most rows to show.")] = 50,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """List differences: the most severe first, then the most money."""
    from orchestration.cli_show import show_exceptions

    filters = {
        "exception_class": exception_class,
        "leg": leg,
        "owner": owner,
        "severity": severity,
    }
    show_exceptions(settings_of(home=home), filters, limit, waiting=waiting, as_json=as_json)


@exceptions_app.command("show")
def show_exception(
    exception_id: Annotated[str, typer.Argument(metavar="ID", help="Its id, or how it begins.")],
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Show one difference with its evidence."""
    from orchestration.cli_show import show_exception as show

    show(settings_of(home=home), exception_id, as_json=as_json)


@order_app.command("show")
def show_order(
    key: Annotated[
        str,
        typer.Argument(
            metavar="KEY",
            help="Reconciliation key, order id, or the id of one of its documents.",
        ),
    ],
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Show one order: versions, lines, legs, matches, exceptions, gates, events."""
    from orchestration.cli_order import show_order as show

    show(settings_of(home=home), key, as_json=as_json)


@app.command()
def generate(
    orders: Annotated[int, typer.Option(min=1, help="How many orders.")],
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Landing folder to write; made if need be.")
    ],
    seed: Annotated[int, typer.Option(help="The same seed writes the same bytes.")] = 1,
    defects: Annotated[
        str, typer.Option(metavar="RATE", help="Share of orders with one defect each, 0 to 1.")
    ] = "0",
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", metavar="TS", help="Moment at which the extract is taken."),
    ] = None,
    home: Home = None,
) -> None:
    """Make extracts of N orders with known defects, and the truth about them beside."""
    from orchestration.generator import generate as make

    settings_of(home)
    report = make(
        out,
        orders,
        seed=seed,
        defect_rate=parse_rate(defects),
        as_of=parse_moment(as_of) if as_of is not None else None,
    )
    rows = sum(report.rows.values())
    typer.echo(
        f"{report.orders:,} orders, {rows:,} rows in {len(report.rows)} files, {report.folder}"
    )
    for code, count in sorted(report.defects.items()):
        typer.echo(f"  {code}: {count:,}")
    typer.echo(f"Reconcile them with: meshline run --landing {report.folder}")


@report_app.command("pilot")
def report_pilot(
    segment: Annotated[
        str, typer.Option(help="enterprise, commerce or marketplace; else all.")
    ] = "",
    from_on: Annotated[
        str, typer.Option("--from", metavar="DAY", help="First day; else 30 days before the last.")
    ] = "",
    to_on: Annotated[
        str, typer.Option("--to", metavar="DAY", help="Last day; else the last with orders due.")
    ] = "",
    out: Annotated[Path, typer.Option(metavar="FILE", help="HTML file to write.")] = Path(
        "pilot.html"
    ),
    home: Home = None,
) -> None:
    """Write the pilot report: a segment and a period against the period before."""
    from console.report import write_pilot

    typer.echo(f"Written: {write_pilot(settings_of(home=home), segment, from_on, to_on, out)}")


@app.command()
def serve(
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Address to listen on.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")
    ] = 8700,
    new_link: Annotated[
        bool, typer.Option("--new-link", help="Print a one-time link for an administrator.")
    ] = False,
    home: Home = None,
) -> None:
    """Serve the web console over what is published, until stopped."""
    from console.config import load_config
    from console.serve import serve as answer

    config = load_config(settings_of(home=home), host, port)
    answer(config, typer.echo, new_link=new_link)


@contracts_app.command("check")
def check_contracts(home: Home = None) -> None:
    """Check the source contracts, and list every problem at once with file and line."""
    from orchestration.connectors.contracts import load_contracts

    contracts = load_contracts(settings_of(home=home).seeds)
    for contract in contracts.values():
        typer.echo(
            f"{contract.source}: version {contract.version}, {len(contract.streams)} streams"
        )


@rules_app.command("shadow")
def shadow_rules(
    path: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="A changed copy of a file of seeds/rules, or a folder of them."
        ),
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write all orders that change as CSV.")
    ] = None,
    as_json: Json = False,
    home: Home = None,
) -> None:
    """Decide the last publication with proposed rules, beside the released ones; change nothing."""
    from orchestration.cli_rules import show_shadow

    raise typer.Exit(show_shadow(settings_of(home=home), path, out, as_json=as_json))


@policies_app.command("check")
def check_policies(as_json: Json = False, home: Home = None) -> None:
    """Check roles, RACI, limits, playbooks, targets and workflows; list every problem at once."""
    from orchestration.cli_policies import show_policies

    show_policies(settings_of(home=home), as_json=as_json)


def parse_rate(text: str) -> Decimal:
    """Return a share given on the command line.

    Raises:
        UsageRefused: It is not a decimal number.
    """
    try:
        return Decimal(text)
    except InvalidOperation:
        raise UsageRefused(f"{text!r} is not a share: give a number such as 0.02.") from None


def main() -> None:
    """Run the command line and end the process with the right exit code; no traceback, ever."""
    try:
        app()
    except ReconError as error:
        typer.echo(f"meshline: {error}", err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        typer.echo("meshline: stopped.", err=True)
        sys.exit(130)
    except Exception as error:  # noqa: BLE001, the last resort of every command
        from orchestration.cli_errors import describe_defect

        typer.echo(
            f"meshline: {describe_defect(error, CHOSEN[-1] if CHOSEN else load_settings())}",
            err=True,
        )
        sys.exit(1)


if __name__ == "__main__":
    main()
