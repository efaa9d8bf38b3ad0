"""Channels as the policy names them, their addresses as the environment holds them.

What belongs here: reading an address when it is used, choosing what speaks its protocol, and errors
that never hold an address. What does not: mail (`mail`) and webhooks (`webhook`) in themselves.
`orchestration.alerting` and tests import this.
"""

import logging
from typing import TYPE_CHECKING, Any

from orchestration.connectors.alerts.errors import ChannelFailed
from orchestration.core.policies.documents import AlertChannels, Channel
from orchestration.settings import read_secret

if TYPE_CHECKING:
    from orchestration.ledger.alert_claims import Outgoing

_TYPES = {"critical": "failure", "high": "warning", "medium": "warning"}


def usable_channels(channels: AlertChannels) -> set[str]:
    """Return the channels that have an address now.

    Raises:
        UsageRefused: A variable names a file that cannot be read.
    """
    return {code for code, one in channels.channels.items() if read_secret(one.address_env)}


def send(channel: Channel, message: "Outgoing") -> None:
    """Hand a message to a channel; returns when the channel has taken it.

    Raises:
        ChannelFailed: It did not, or nobody knows; the text holds no address.
    """
    address = read_secret(channel.address_env)
    if not address:
        raise ChannelFailed(f"{channel.address_env} holds no address")
    if channel.kind == "webhook":
        from orchestration.connectors.alerts.webhook import post

        secret = read_secret(channel.secret_env) if channel.secret_env is not None else ""
        post(address, secret, channel.address_env, message)
        return
    plugin = _plugin(channel, address)
    from orchestration.connectors.alerts.mail import is_mail, send_mail

    # Whatever the policy calls the channel, an address of mail is one.
    if is_mail(plugin):
        send_mail(plugin, message)
    else:
        _notify(plugin, message)


def _plugin(channel: Channel, address: str) -> Any:
    """What Apprise makes of an address.

    Raises:
        ChannelFailed: Nothing.
    """
    from apprise import Apprise

    # It names addresses in what it logs.
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)
    try:
        plugin = Apprise.instantiate(address, suppress_exceptions=True)
    except Exception:  # noqa: BLE001 - whatever it says holds the address
        plugin = None
    if plugin is None:
        raise ChannelFailed(
            f"{channel.address_env} holds no address that Apprise knows; see docs/alerts.md"
        )
    plugin.request_rate_per_sec = 0  # the pace is kept in the ledger, for all processes
    return plugin


def _notify(plugin: Any, message: "Outgoing") -> None:
    """Let Apprise send a message once.

    Raises:
        ChannelFailed: The channel did not take it.
    """
    if hasattr(plugin, "dedup"):  # a pager: what it is told twice is one incident, and it ends
        plugin.dedup = message.dedup_key[:255]
        plugin.action = "resolve" if message.kind == "over" else "trigger"
    kind = "success" if message.kind == "over" else _TYPES.get(message.severity, "info")
    try:
        taken = plugin.notify(
            title=message.subject, body=message.body, notify_type=kind, body_format="text"
        )
    except Exception as error:  # noqa: BLE001 - a plugin may raise anything, with its address in it
        raise ChannelFailed(f"the channel failed ({type(error).__name__})") from None
    if not taken:
        raise ChannelFailed("the channel did not take it")
