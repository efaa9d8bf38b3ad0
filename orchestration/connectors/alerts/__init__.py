"""Where alerts leave: mail, chat, pager, webhook.

What belongs here: one attempt to hand one message to one channel. What does not: which message, and
trying again (`orchestration.ledger.alert_claims`). `orchestration.alerting` and tests import this.
"""
