"""Signing in by an identity provider: OpenID Connect, authorization code with PKCE, by Authlib.

What belongs here: the two steps of the dance and reading the claims. What does not: sessions.
Groups are read anew at every sign-in: who left a group loses the role at the next one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

from console.config import ConsoleConfig, Oidc
from orchestration.core.errors import ReconError

if TYPE_CHECKING:
    from authlib.integrations.starlette_client import StarletteOAuth2App


class SignInRefused(ReconError):
    """The identity provider's answer does not let this person in; the message says why."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the provider says somebody is.

    Attributes:
        subject: Issuer and subject together: unique for ever.
        email: The address, lower case; empty when the provider gives none.
        name: As the provider writes it.
        groups: The groups it lists.
        person_id: The person's id in the source systems; None when no claim names it.
    """

    subject: str
    email: str
    name: str
    groups: tuple[str, ...]
    person_id: str | None


class Provider:
    """The configured identity provider; its libraries are imported when it is first used."""

    def __init__(self, oidc: Oidc) -> None:
        self.oidc = oidc
        self._client: StarletteOAuth2App | None = None

    @property
    def client(self) -> "StarletteOAuth2App":
        """The registered client."""
        if self._client is None:
            from authlib.integrations.starlette_client import OAuth

            secret = self.oidc.client_secret_file
            registry = OAuth()
            registry.register(
                "provider",
                client_id=self.oidc.client_id,
                client_secret=secret.read_text(encoding="utf-8").strip() if secret else None,
                server_metadata_url=(
                    f"{self.oidc.issuer.rstrip('/')}/.well-known/openid-configuration"
                ),
                client_kwargs={
                    "scope": "openid profile email",
                    "code_challenge_method": "S256",
                    "timeout": 10,
                },
            )
            self._client = registry.create_client("provider")
        return self._client

    async def begin(self, request: Request, return_url: str) -> Response:
        """Send the browser to the provider; state, nonce and verifier stay in the session."""
        try:
            answer: Response = await self.client.authorize_redirect(request, return_url)
        except Exception as error:
            raise SignInRefused(
                f"The identity provider {self.oidc.issuer} cannot be reached. Try again in a "
                "minute; if it goes on, tell whoever runs it."
            ) from error
        return answer

    async def identify(self, request: Request) -> Identity:
        """Return who came back; code, state, nonce, signature and times are checked.

        Raises:
            SignInRefused: Any of them does not hold, or the provider cannot be reached.
        """
        try:
            token = await self.client.authorize_access_token(request)
        except Exception as error:
            raise SignInRefused(
                "The identity provider's answer could not be checked: begin again. "
                f"({type(error).__name__})"
            ) from error
        claims: Mapping[str, Any] = token.get("userinfo") or {}
        if not claims.get("sub"):
            raise SignInRefused("The identity provider did not say who you are.")
        if self.oidc.groups_claim not in claims or not claims.get("email"):
            more = await self.client.userinfo(token=token)
            if more.get("sub") == claims["sub"]:
                claims = {**more, **claims}
        groups = claims.get(self.oidc.groups_claim) or ()
        person = claims.get(self.oidc.person_claim) if self.oidc.person_claim else None
        return Identity(
            subject=f"{claims.get('iss', self.oidc.issuer)}#{claims['sub']}",
            email=str(claims.get("email") or "").lower(),
            name=str(claims.get("name") or claims.get("email") or claims["sub"]),
            groups=(groups,) if isinstance(groups, str) else tuple(str(each) for each in groups),
            person_id=str(person) if person else None,
        )

    def role_of(self, identity: Identity, roles_in_order: tuple[str, ...]) -> str:
        """The role that a person's groups give; the first in the policy's order wins.

        Raises:
            SignInRefused: None of the groups has a role here.
        """
        given = {self.oidc.roles[group] for group in identity.groups if group in self.oidc.roles}
        for role in roles_in_order:
            if role in given:
                return role
        raise SignInRefused(
            "You are known, but none of your groups has a role in this console. Ask an "
            "administrator to add your group under oidc.roles in console.yml."
        )


def make_provider(config: ConsoleConfig) -> Provider | None:
    """The provider of a console; None when people sign in with passwords alone."""
    return Provider(config.file.oidc) if config.file.oidc else None
