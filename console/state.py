"""What one running console holds: its parts, made once.

What belongs here: putting the parts together. What does not: what they do.
"""

from dataclasses import dataclass

from console.access.policy import Policy, load_policy
from console.accounts.oidc import Provider, make_provider
from console.accounts.store import Store
from console.accounts.tables import open_database
from console.accounts.throttle import Throttle
from console.accounts.tokens import Signer, load_key
from console.cache import Cache
from console.config import ConsoleConfig
from console.ledger_desk import Desk
from console.panel_files import Panel, load_panels
from console.vocabulary import Vocabulary, load_vocabulary
from orchestration.warehouse.snapshots import Snapshots

ROWS_KEPT = 400_000
PICTURES_KEPT = 1_000


@dataclass(frozen=True, slots=True)
class State:
    """The parts of one console; all are safe for threads."""

    config: ConsoleConfig
    policy: Policy
    vocabulary: Vocabulary
    panels: dict[str, Panel]
    snapshots: Snapshots
    store: Store
    signer: Signer
    answers: Cache
    pictures: Cache
    throttle: Throttle
    provider: Provider | None
    desk: Desk

    def close(self) -> None:
        """Let go of files; safe to call twice."""
        self.snapshots.close()
        self.store.engine.dispose()
        self.desk.close()


def make_state(config: ConsoleConfig) -> State:
    """Make the parts of a console.

    Raises:
        ContractError: The policy or a panel is not valid.
    """
    policy = load_policy(config.settings)
    return State(
        config=config,
        policy=policy,
        vocabulary=load_vocabulary(config.settings),
        panels=dict(load_panels(policy)),
        snapshots=Snapshots(config.settings, scratch=config.settings.scratch / "console"),
        store=Store(open_database(config.database), policy.sign_in),
        signer=Signer(load_key(config.key)),
        answers=Cache(ROWS_KEPT),
        pictures=Cache(PICTURES_KEPT),
        throttle=Throttle(policy.sign_in.attempts_per_minute),
        provider=make_provider(config),
        desk=Desk(config.settings),
    )
