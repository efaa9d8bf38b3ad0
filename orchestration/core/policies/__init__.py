"""The operating model: who does, who answers, who signs, by when, and what they do.

What belongs here: the policies as frozen records, their lookups, and what is wrong across them.
What does not: reading files (`connectors.operating_model`) and acting on people or tickets
(`core.work`). Anyone may import this.
"""

from orchestration.core.policies.documents import (
    AlertChannels,
    AlertRoute,
    Channel,
    DeliveryTarget,
    DeliveryTargets,
    Workflow,
)
from orchestration.core.policies.model import OperatingModel, Raci
from orchestration.core.policies.playbooks import Playbook
from orchestration.core.policies.records import (
    Absence,
    ApprovalLimit,
    ApprovalValidity,
    EscalationStep,
    ExceptionClass,
    Identity,
    OverrideAlarm,
    ReasonCode,
    Role,
    SamplingRule,
)

__all__ = [
    "Absence",
    "AlertChannels",
    "AlertRoute",
    "ApprovalLimit",
    "ApprovalValidity",
    "Channel",
    "DeliveryTarget",
    "DeliveryTargets",
    "EscalationStep",
    "ExceptionClass",
    "Identity",
    "OperatingModel",
    "OverrideAlarm",
    "Playbook",
    "Raci",
    "ReasonCode",
    "Role",
    "SamplingRule",
    "Workflow",
]
