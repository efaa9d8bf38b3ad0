"""Who is looking: an account with its role's rights.

What belongs here: questions that a page asks about the person. What does not: how they signed in.
"""

from dataclasses import dataclass

from console.access.policy import Policy, Role


@dataclass(frozen=True, slots=True)
class Viewer:
    """A signed-in person.

    Attributes:
        account_id: The account's number.
        name: As shown to others.
        email: As signed in with.
        role_code: A role of the policy.
        role: Its rights.
        person_id: The person's id in the source systems; None when the account has none.
        team: Ids of the people whose accounts they see, their own included.
        session_id: Identifies the session, for its tokens.
    """

    account_id: int
    name: str
    email: str
    role_code: str
    role: Role
    person_id: str | None
    team: tuple[str, ...]
    session_id: str

    def may_open(self, policy: Policy, route: str) -> bool:
        """Whether the person may use a route."""
        return policy.may_open(self.role_code, route)

    def can(self, action: str) -> bool:
        """Whether the role may do this on a ticket."""
        return action in self.role.actions

    def can_take(self, form: str) -> bool:
        """Whether the role may download in this form."""
        return form in self.role.downloads
