"""Errors that a person will read, with the exit code each one ends a command with.

What belongs here: one class per recoverable cause. What does not: the wording of one failure.
Anyone may import this.
"""


class ReconError(Exception):
    """Base of every expected failure; the message says what, where and what to do next."""

    exit_code: int = 1


class UsageRefused(ReconError):
    """The command or its input cannot be used as given."""

    exit_code = 2


class ContractError(UsageRefused):
    """The operating model under `seeds/` is not valid; lists every problem with file and line."""


class PolicyError(ContractError):
    """Policies, taxonomy, playbooks or workflows do not fit together; lists every problem."""


class BlockedByCheck(ReconError):
    """A blocking check found the data unfit: the last good publication stays in place."""

    exit_code = 3


class WarehouseBusy(ReconError):
    """Another run holds the warehouse; trying again later is safe."""

    exit_code = 75
