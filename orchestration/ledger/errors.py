"""What can go wrong with the ledger, each with its exit code.

What belongs here: one class per recoverable cause. What does not: the wording of one failure.
Whoever may import the ledger may import this.
"""

from orchestration.core.errors import ReconError, UsageRefused, WarehouseBusy


class LedgerBusy(WarehouseBusy):
    """Somebody else writes the ledger for longer than one waits; trying again later is safe."""


class LedgerUnreachable(ReconError):
    """The database of the ledger cannot be opened."""


class LedgerNotOurs(ReconError):
    """The database was written by a newer version, or by something else."""


class LedgerDamaged(ReconError):
    """The ledger contradicts what was signed outside of it, or itself."""


class NotAllowed(UsageRefused):
    """Who asks may not do what is asked."""
