"""Mail, with an id that is the message's own, so that what comes twice is seen to be one.

What belongs here: one mail to one address. What does not: reading the address. Only
`orchestration.connectors.alerts.channels` imports this.

Apprise reads the address and holds the connection. It would give each attempt another Message-ID,
by which mail servers and clients know what they have already: here it is made of the message's id.
"""

import re
import smtplib
from email.utils import parseaddr
from typing import TYPE_CHECKING, Any

from orchestration.connectors.alerts.errors import ChannelFailed

if TYPE_CHECKING:
    from orchestration.ledger.alert_claims import Outgoing

_MESSAGE_ID = re.compile(r"^Message-ID: .*$", re.MULTILINE | re.IGNORECASE)


def is_mail(plugin: Any) -> bool:
    """Whether an address is one of mail over SMTP."""
    from apprise.plugins.email.base import NotifyEmail

    return isinstance(plugin, NotifyEmail)


def send_mail(plugin: Any, message: "Outgoing") -> None:
    """Send one mail; returns when the server has taken it.

    Args:
        plugin: Apprise's, with server, sign-in, sender and recipient.
        message: What is sent.

    Raises:
        ChannelFailed: The server did not take it, or nobody knows.
    """
    from apprise.plugins.email.smtp import AppriseSMTPController

    if len(plugin.targets) != 1 or plugin.cc or plugin.bcc:
        raise ChannelFailed("a mail channel has one recipient: name a list, so that none is missed")
    domain = parseaddr(plugin.from_addr[1])[1].rpartition("@")[2] or "meshline"
    try:
        (prepared,) = type(plugin).prepare_emails(
            subject=message.subject,
            body=message.body,
            notify_format="text",
            from_addr=plugin.from_addr,
            to=plugin.targets,
            reply_to=plugin.reply_to,
            smtp_host=plugin.smtp_host,
            headers={"X-Meshline-Alert": message.message_id, "Auto-Submitted": "auto-generated"},
            names=plugin.names,
            tzinfo=plugin.tzinfo,
        )
        text, found = _MESSAGE_ID.subn(
            f"Message-ID: <{message.message_id}@{domain}>", prepared.body, count=1
        )
        if not found:
            raise ChannelFailed("the mail got no Message-ID")
        with AppriseSMTPController(
            host=plugin.smtp_host,
            port=plugin.port,
            secure_mode=plugin.secure_mode,
            user=plugin.user,
            password=plugin.password,
            verify_certificate=plugin.verify_certificate,
            socket_connect_timeout=plugin.socket_connect_timeout,
        ) as smtp:
            taken = smtp.sendmail(plugin.from_addr[1], prepared.to_addrs, text)
    except smtplib.SMTPResponseException as error:
        raise ChannelFailed(f"the mail server answered {error.smtp_code}") from None
    except (OSError, RuntimeError) as error:  # smtplib's own errors are of OSError
        raise ChannelFailed(f"the mail server failed ({type(error).__name__})") from None
    if not taken:
        raise ChannelFailed("the mail server did not take it")
