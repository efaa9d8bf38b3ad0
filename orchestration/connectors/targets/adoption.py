"""Taking over what a receiver already holds, for a home that begins anew.

What belongs here: recognising documents that another life of this home delivered. What does not:
what follows for them in the outbox (`orchestration.ledger.outbox_review`). `orchestration.delivery`
and tests import this.

A home that is built again from its extracts may number versions differently from the first time:
what was version 2 then may be version 1 now, with the same contents. Sent under the key of version
1 it would be refused as another document. So it is recognised by its contents instead.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from orchestration.connectors.targets.base import Target
from orchestration.connectors.targets.holdings import keep_listed
from orchestration.ledger.outbox_claims import Worker
from orchestration.ledger.outbox_clock import DeliveryClock
from orchestration.ledger.outbox_documents import unsent_documents
from orchestration.ledger.outbox_review import record_adopted
from orchestration.ledger.store import Ledger

_OF_CONTENTS = "select ref from held where payload_hash = ? order by ref limit 1"


def adopt_holdings(
    ledger: Ledger, clock: DeliveryClock, target: Target, worker: Worker, folder: Path
) -> int:
    """Call delivered what was never sent from here and is at the receiver all the same.

    Args:
        ledger: Where the outbox is.
        clock: The clock of waits.
        target: Open; asked for its whole list, nothing is written to it.
        worker: Who adopts.
        folder: For the scratch file that the list is kept in, so that memory does not grow.

    Returns:
        How many documents were found there.

    Raises:
        CallFailed: The receiver could not be asked to the end; nothing was recorded then.
    """
    folder.mkdir(parents=True, exist_ok=True)
    scratch = folder / f".{target.code}.{worker.owner.replace(':', '_')}.adopt.sqlite"
    scratch.unlink(missing_ok=True)
    adopted: list[tuple[str, str]] = []
    try:
        with closing(sqlite3.connect(scratch)) as listed:
            keep_listed(listed, target.holdings())
            listed.execute("create index held_contents on held (payload_hash)")
            with ledger.read() as connection:
                for documents in unsent_documents(connection, target.code):
                    for each in documents:
                        found = listed.execute(_OF_CONTENTS, (each.payload_hash,)).fetchone()
                        if found is not None:
                            adopted.append((each.intent_id, found[0]))
    finally:
        scratch.unlink(missing_ok=True)
    with ledger.write() as connection:
        now, at = clock.keep(connection), clock.wall()
        return record_adopted(connection, adopted, actor=worker.actor, at=at, now=now)
