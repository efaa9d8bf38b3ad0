"""The check of a home's ledger against everything that is known of it outside, and its alert.

What belongs here: gathering the witnesses, and what is said when they disagree. What does not: the
check itself (`orchestration.ledger.verifier`), when it is made (`orchestration.alerting`). The
command line and `orchestration.alerting` import this.

The check only reads: an auditor makes it with the public key alone. Who finds something by the
clock raises the alert.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from orchestration.core.alerts.records import Alert
from orchestration.ledger.verifier import Verdict, verify_ledger
from orchestration.settings import Settings
from orchestration.warehouse.ledger_import import published_digests, published_heads
from orchestration.warehouse.reader import NothingPublished, open_published


def check_ledger(
    settings: Settings, heads: Path | None = None, public_key: Path | None = None
) -> Verdict:
    """Hold the ledger of a home to its heads, to what is published, and to its chain.

    Raises:
        LedgerUnreadable: The ledger cannot be read.
        KeyUnusable: The public key cannot be read.
    """
    published, changes = _witness(settings)
    return verify_ledger(
        settings.ledger_database,
        heads or settings.heads,
        public_key=public_key,
        published=published,
        changes=changes,
    )


def verdict_alert(verdict: Verdict, at: datetime) -> Alert | None:
    """Return what a check that failed is told as; None when the ledger is whole."""
    if verdict.is_whole:
        return None
    if verdict.first_bad is None:
        return chain_alert(verdict.problems[0], at)
    return chain_alert(
        f"The check of the ledger failed; event {verdict.first_bad} is the first that is"
        " concerned.",
        at,
    )


def chain_alert(what: str, at: datetime) -> Alert:
    """Return the alert that the ledger is not what was signed; once for what was found."""
    found = hashlib.sha256(what.encode()).hexdigest()[:16]
    return Alert(
        key=f"chain/{found}",
        event="audit_chain_broken",
        severity=None,
        owner_role="control",
        cause="ledger",
        subject_type="ledger",
        subject_id="events",
        due_since=at,
        facts={
            "what": what,
            "next": "`meshline audit verify` names every event that is concerned.",
            "link": "/audit",
        },
    )


def _witness(
    settings: Settings,
) -> tuple[tuple[dict[str, Any], ...], Mapping[int, tuple[int, str]] | None]:
    """The heads and digests of what is published; nothing when nothing is."""
    try:
        with open_published(settings) as published:
            connection = published.cursor()
            return published_heads(connection), published_digests(connection)
    except NothingPublished:
        return (), None
