"""Which class writes to which system.

What belongs here: the list of classes, and opening the one that a policy names. What does not: any
protocol. What delivers imports this.
"""

from collections.abc import Callable, Mapping
from importlib import import_module

from orchestration.connectors.targets.base import Target
from orchestration.core.errors import UsageRefused
from orchestration.core.policies.documents import DeliveryTarget
from orchestration.settings import Settings, read_secret

# Name in the policy: module and class. A new protocol is one line here.
CLASSES: Mapping[str, tuple[str, str]] = {
    "file": ("orchestration.connectors.targets.file", "FileTarget"),
    "http": ("orchestration.connectors.targets.http", "HttpTarget"),
    "stripe": ("orchestration.connectors.targets.stripe", "StripeTarget"),
    "tryton": ("orchestration.connectors.targets.tryton", "TrytonTarget"),
}


def open_target(code: str, policy: DeliveryTarget, settings: Settings) -> Target:
    """Return the target of a policy row, ready to be written to.

    A row with the adapter `file` becomes `http` when its address is set.

    Raises:
        UsageRefused: Nobody knows its adapter, or its address is missing or not allowed.
    """
    address = read_secret(policy.address_env)
    adapter = "http" if policy.adapter == "file" and address else policy.adapter
    if adapter not in CLASSES:
        raise UsageRefused(
            f"seeds/policies/delivery_targets.yml: {code} has the adapter {adapter!r}; known are "
            f"{', '.join(sorted(CLASSES))}."
        )
    if adapter != "file" and not address:
        raise UsageRefused(
            f"{code} needs an address: set {policy.address_env}, or {policy.address_env}_FILE to "
            "a file that holds it."
        )
    module, name = CLASSES[adapter]
    made: Callable[..., Target] = getattr(import_module(module), name)
    return made(code, policy, settings, address)
