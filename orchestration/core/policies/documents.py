"""The policies that are documents: alert channels, delivery targets, workflows.

What belongs here: their shape, their units, and what one document alone can get wrong. What does
not: reading YAML (`connectors.operating_model`), and sending anything. Anyone may import this.

No address and no secret stands in a document: only the name of the environment variable that holds
it, which the settings read.
"""

from collections.abc import Mapping
from datetime import time
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from orchestration.core.policies.rows import Code, one_of

EnvironmentName = Annotated[str, StringConstraints(pattern=r"^MESHLINE_[A-Z0-9_]{1,80}$")]
Seconds = Annotated[int, Field(ge=1, le=86_400)]
EVENTS = (
    "sla_warning",
    "sla_breach",
    "sla_escalated",
    "approval_waiting",
    "break_glass_used",
    "override_alarm",
    "breaker_open",
    "publish_blocked",
    "run_failed",
    "feed_late",
    "synthetic_failed",
    "audit_chain_broken",
    "schema_drift",
    "alerts_silent",
    "daily_digest",
)
PEOPLE = ("owner", "approver", "manager", "role_head")
ARTIFACT_KINDS = (
    "invoice",
    "credit_memo",
    "fulfilment_order",
    "revenue_schedule",
    "seller_invoice",
    "commission_statement",
)
# A workflow without one of these is not automated; see `Workflow.gaps`.
WORKFLOW_FIELDS = (
    "owner",
    "source_system",
    "destination_system",
    "trigger",
    "exception_route",
    "review_path",
    "qa_checkpoint",
    "reporting_field",
    "fallback_owner",
)


class _Part(BaseModel):
    """Frozen, and a misspelt setting is a problem, never ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Channel(_Part):
    """One way to reach people or machines.

    Attributes:
        address_env: The environment variable with its address, which is a secret.
        secret_env: The one with the key that signs what is sent to machines.
        fallback: The channel that is used when this one fails or has no address.
    """

    kind: Literal["chat", "mail", "pager", "webhook"]
    address_env: EnvironmentName
    secret_env: EnvironmentName | None = None
    fallback: Code | None = None


class AlertRoute(_Part):
    """Who hears of an event, and how.

    Attributes:
        severities: Of these severities; empty means any.
        severity: That of an event that has none of its own.
        to: Channels, or owner, approver, manager, role_head for the channel of that role.
        delivery: at_once, hourly, or with the role's daily digest.
        group_by: What makes several alerts one message.
    """

    event: Annotated[str, one_of(EVENTS)]
    severities: tuple[Code, ...] = ()
    severity: Code | None = None
    to: Annotated[tuple[Code, ...], Field(min_length=1)]
    delivery: Literal["at_once", "hourly", "digest"]
    group_by: tuple[Literal["owner", "approver", "cause"], ...] = ()

    def fits(self, event: str, severity: str | None) -> bool:
        """Whether the route is for an event of a severity."""
        return self.event == event and (not self.severities or severity in self.severities)


class QuietHours(_Part):
    """When nobody is disturbed; may pass midnight."""

    begin: time = Field(alias="from")
    end: time = Field(alias="to")
    time_zone: str
    except_severities: tuple[Code, ...] = ()


class AlertSettings(_Part):
    """How alerts are grouped, sent and sent again.

    Attributes:
        collapse_above: More than so many of one cause become one message.
        rate_per_second: Messages a second and channel.
        send_attempts: Attempts before the fallback channel takes over.
        approval_waiting_percent: Share of a request's time after which its signers are reminded.
        lease_seconds: Who took a message and died leaves it to others after so long.
        dead_man_hours: Hours without any message after which that itself is an alert.
        ledger_check_hours: Hours after which the ledger is held to its signed heads again.
    """

    collapse_above: Annotated[int, Field(ge=1)]
    rate_per_second: Annotated[Decimal, Field(gt=0)]
    send_attempts: Annotated[int, Field(ge=1)]
    retry_base_seconds: Seconds
    retry_cap_seconds: Seconds
    approval_waiting_percent: Annotated[int, Field(ge=1, le=100)]
    quiet_hours: QuietHours
    lease_seconds: Seconds
    dead_man_hours: Annotated[int, Field(ge=1)]
    ledger_check_hours: Annotated[int, Field(ge=1)]


class FeedLateness(_Part):
    """When a feed is late.

    Attributes:
        late_after_hours: Nothing came for so long.
        streams: The same for single feeds, by `<source>/<stream>`.
        explains: By stream: the exception classes of what is missing while nothing of it comes.
    """

    late_after_hours: Annotated[int, Field(ge=1)]
    streams: Mapping[str, Annotated[int, Field(ge=1)]] = {}
    explains: Mapping[str, tuple[Code, ...]] = {}

    def hours_of(self, feed: str) -> int:
        """Return after how many hours a feed is late."""
        return self.streams.get(feed, self.late_after_hours)


class AlertChannels(_Part):
    """`seeds/policies/alert_channels.yml`.

    Attributes:
        roles: The channel of each role.
        ticket_events: Exception classes whose new tickets are events of their own.
    """

    version: int
    channels: Mapping[Code, Channel]
    roles: Mapping[Code, Code]
    routes: tuple[AlertRoute, ...]
    ticket_events: Mapping[Code, Annotated[str, one_of(EVENTS)]] = {}
    feeds: FeedLateness
    settings: AlertSettings

    def route(self, event: str, severity: str | None) -> AlertRoute | None:
        """The first route that fits; None when nobody is to hear of it."""
        return next((route for route in self.routes if route.fits(event, severity)), None)


class Timeouts(_Part):
    """How long one call may take."""

    connect_seconds: Seconds
    read_seconds: Seconds
    total_seconds: Seconds


class Retries(_Part):
    """When a call that failed is made again.

    Attributes:
        most_attempts: Then the intent is parked and becomes an exception.
        jitter: full draws the wait between zero and the backoff; none waits it out.
        retry_after_cap_seconds: The longest wait that a receiver may demand.
    """

    most_attempts: Annotated[int, Field(ge=1, le=1000)]
    base_seconds: Seconds
    cap_seconds: Seconds
    jitter: Literal["full", "none"]
    retry_after_cap_seconds: Seconds


class Breaker(_Part):
    """When a receiver is left alone.

    Attributes:
        failures: So many within the window open it.
        open_seconds: How long it stays open at first; doubled each time a probe fails.
        probes: Calls that are let through to see whether the receiver is back.
    """

    failures: Annotated[int, Field(ge=1)]
    window_seconds: Seconds
    open_seconds: Seconds
    open_cap_seconds: Seconds
    probes: Annotated[int, Field(ge=1)]


class Idempotency(_Part):
    """What makes a second write of one intent harmless at the receiver.

    Attributes:
        header: Where the key is sent (native_key).
        key_hours: How long the receiver remembers it (native_key); later it is looked up first.
        field: The field whose value may be there once (unique_field).
        lookup_field: By which a document is looked up (none).
        settle_seconds: How long an unknown outcome is left alone before it is looked up.
    """

    mechanism: Literal["native_key", "unique_field", "none"]
    header: str | None = None
    key_hours: Annotated[int, Field(ge=1)] | None = None
    field: str | None = None
    lookup_field: str | None = None
    settle_seconds: Seconds

    @model_validator(mode="after")
    def _names_what_it_needs(self) -> Self:
        needed = {
            "native_key": ("header", "key_hours"),
            "unique_field": ("field",),
            "none": ("lookup_field",),
        }[self.mechanism]
        wanting = [name for name in needed if getattr(self, name) is None]
        if wanting:
            msg = f"mechanism {self.mechanism} needs {' and '.join(wanting)}"
            raise ValueError(msg)
        return self


class DeliveryTarget(_Part):
    """One downstream system.

    Attributes:
        adapter: file writes below the home; the others (`connectors.targets.registry`) need the
            address of `address_env`.
        hosts: Hosts that the address may name; none allows this machine alone.
        artifact_kinds: What goes there; each kind goes to one target.
        rate_per_second: Calls a second over all workers, and `burst` at once.
        bulk_size: Intents in one call.
        most_answer_kb: Longest answer that is read, KiB.
        acknowledge_hours: What was sent is to be acknowledged within so many hours.
    """

    label: str
    owner_role: Code
    artifact_kinds: Annotated[
        tuple[Annotated[str, one_of(ARTIFACT_KINDS)], ...],
        Field(min_length=1),
    ]
    adapter: Code
    address_env: EnvironmentName
    hosts: tuple[str, ...] = ()
    rate_per_second: Annotated[Decimal, Field(gt=0)]
    burst: Annotated[int, Field(ge=1)]
    bulk_size: Annotated[int, Field(ge=1)]
    max_in_flight: Annotated[int, Field(ge=1)]
    timeouts: Timeouts
    retries: Retries
    breaker: Breaker
    idempotency: Idempotency
    most_answer_kb: Annotated[int, Field(ge=1)]
    acknowledge_hours: Annotated[int, Field(ge=1)]

    @model_validator(mode="after")
    def _can_settle(self) -> Self:
        if self.idempotency.settle_seconds < self.timeouts.total_seconds:
            msg = (
                f"settle_seconds {self.idempotency.settle_seconds} is shorter than "
                f"total_seconds {self.timeouts.total_seconds}: a write could arrive afterwards"
            )
            raise ValueError(msg)
        return self


class DeliveryTargets(_Part):
    """`seeds/policies/delivery_targets.yml`, its defaults filled in."""

    version: int
    targets: Annotated[Mapping[Code, DeliveryTarget], Field(min_length=1)]


class Workflow(_Part):
    """One workflow of the registry.

    Every field of `WORKFLOW_FIELDS` may be missing: then the workflow is a plan and is not
    automated, whatever `automation` says.

    Attributes:
        automation: live, or off when people do it by hand for now.
        exception_route: The exception classes in which it ends when it goes wrong.
        review_path: The gates that it passes.
    """

    workflow: Code
    label: str
    artifact_kinds: tuple[Annotated[str, one_of(ARTIFACT_KINDS)], ...] = ()
    order_types: tuple[Code, ...] = ()
    automation: Literal["live", "off"] = "off"
    owner: Code | None = None
    source_system: Code | None = None
    destination_system: Code | None = None
    trigger: str | None = None
    exception_route: tuple[Code, ...] = ()
    review_path: tuple[Code, ...] = ()
    qa_checkpoint: str | None = None
    reporting_field: str | None = None
    fallback_owner: Code | None = None

    @property
    def gaps(self) -> tuple[str, ...]:
        """The fields that nobody filled in."""
        return tuple(name for name in WORKFLOW_FIELDS if not getattr(self, name))

    @property
    def blocked_because(self) -> str | None:
        """Why it is not automated; None when it is."""
        if self.gaps:
            return f"workflow {self.workflow} has no {', no '.join(self.gaps)}"
        if self.automation != "live":
            return f"workflow {self.workflow} is switched off"
        return None
