"""What became of artifacts that were given to the outbox.

What belongs here: the counts, and the error for a key that has another payload. What does not: the
outbox itself. The ledger package, `orchestration.delivery` and tests import this.
"""

from dataclasses import dataclass, field

from orchestration.core.errors import ReconError


class SameKeyOtherPayload(ReconError):
    """Artifacts come under keys that are taken by other contents; the message names the fields."""


@dataclass(slots=True)
class EnqueueReport:
    """What became of artifacts.

    Attributes:
        released: Intents that may be sent from now on.
        held: New intents that may not, and such that no longer may.
        unchanged: Artifacts that were known as they are.
        superseded: Unsent intents in whose place newer ones came.
        stale: Artifacts older than what is known of their document; never sent.
        conflicts: One sentence per artifact whose key is taken by another payload.
    """

    released: int = 0
    held: int = 0
    unchanged: int = 0
    superseded: int = 0
    stale: int = 0
    conflicts: list[str] = field(default_factory=list)

    def add(self, other: "EnqueueReport") -> None:
        """Count another batch in."""
        self.released += other.released
        self.held += other.held
        self.unchanged += other.unchanged
        self.superseded += other.superseded
        self.stale += other.stale
        self.conflicts += other.conflicts

    def refuse_conflicts(self) -> None:
        """Raise what cannot be: the same key with another payload.

        Raises:
            SameKeyOtherPayload: With every conflict found.
        """
        if self.conflicts:
            raise SameKeyOtherPayload(
                f"{len(self.conflicts)} artifacts come under a key that has another payload; they "
                "were not taken, all others were:\n  "
                + "\n  ".join(self.conflicts)
                + "\nA changed document needs a higher artifact_version: mend the model that made "
                "it."
            )
