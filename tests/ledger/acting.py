"""Actors, moments and drafts that the ledger's tests share."""

from datetime import UTC, datetime, timedelta

from orchestration.ledger.events import Actor, Draft

NOON = datetime(2026, 6, 30, 12, tzinfo=UTC)
ENGINE = Actor.engine("run_1")
ANA = Actor("P-ANA", "finance", "P-ANA")


def draft(number: int, actor: Actor = ENGINE, **more) -> Draft:
    """The draft of an event that says little."""
    return Draft(
        NOON + timedelta(seconds=number),
        actor,
        more.pop("action", "ticket_opened"),
        "ticket",
        f"ex_{number:06}",
        more.pop("reason", "A difference was found."),
        {"amount": "12.50", "number": number},
        recon_key=f"rk_{number % 7}",
    )
