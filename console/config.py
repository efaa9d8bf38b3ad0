"""How one console is set up: where it listens, who is trusted, who signs people in.

What belongs here: `<home>/console.yml` and the options of `meshline serve`, checked together.
What does not: rights of roles (`seeds/policies/console_roles.yml`).
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from orchestration.core.errors import ContractError, UsageRefused
from orchestration.settings import Settings

FILE = "console.yml"
DEFAULT_PORT = 8700


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Oidc(_Part):
    """An identity provider (OpenID Connect, authorization code with PKCE).

    Attributes:
        issuer: Its address, as in its discovery document.
        client_id: The console's name there.
        client_secret_file: File with the secret, relative to the home; None for a public client.
        label: What the button says.
        groups_claim: The claim that lists a person's groups.
        roles: Group -> role of the policy; the first in the policy's order wins.
        person_claim: The claim that names the person as the source systems do; None when none does.
    """

    issuer: str
    client_id: str
    client_secret_file: Path | None = None
    label: str = "Sign in with your company account"
    groups_claim: str = "groups"
    roles: Mapping[str, str]
    person_claim: str | None = None


class Tls(_Part):
    """Certificate and key, PEM files relative to the home."""

    certificate: Path
    key: Path


class ConsoleFile(_Part):
    """What `console.yml` may say; every part may be left out."""

    public_url: str | None = None
    trusted_proxies: tuple[str, ...] = ()
    tls: Tls | None = None
    oidc: Oidc | None = None


@dataclass(frozen=True, slots=True)
class ConsoleConfig:
    """One console.

    Attributes:
        settings: The home that it shows.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        file: What `console.yml` says.
    """

    settings: Settings
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    file: ConsoleFile = field(default_factory=ConsoleFile)

    @property
    def is_secure(self) -> bool:
        """Browsers reach it over TLS, its own or that of a proxy: cookies say so."""
        return self.file.tls is not None or (self.file.public_url or "").startswith("https://")

    @property
    def database(self) -> Path:
        """Accounts and sessions."""
        return self.settings.home / "console.db"

    @property
    def key(self) -> Path:
        """The key that signs cookies."""
        return self.settings.home / "console.key"

    @property
    def base_url(self) -> str:
        """The address to open."""
        if self.file.public_url:
            return self.file.public_url.rstrip("/")
        scheme = "https" if self.file.tls else "http"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}"


def load_config(settings: Settings, host: str, port: int) -> ConsoleConfig:
    """Return how the console of a home is set up.

    Raises:
        ContractError: `console.yml` is not valid; every problem is listed.
        UsageRefused: It would listen to other machines without TLS.
    """
    path = settings.home / FILE
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else {}
        file = ConsoleFile.model_validate(content or {})
    except (yaml.YAMLError, OSError) as error:
        raise ContractError(f"{path} cannot be read: {error}") from error
    except ValidationError as error:
        lines = [
            f"  {'.'.join(str(part) for part in problem['loc']) or 'the file'}: {problem['msg']}"
            for problem in error.errors()
        ]
        raise ContractError("\n".join([f"{path} is not valid:", *lines])) from error
    config = ConsoleConfig(settings, host, port, _resolved(file, settings.home))
    _refuse_open_air(config)
    return config


def _resolved(file: ConsoleFile, home: Path) -> ConsoleFile:
    """Paths in the file are relative to the home."""
    changes: dict[str, object] = {}
    if file.tls:
        changes["tls"] = Tls(certificate=home / file.tls.certificate, key=home / file.tls.key)
    if file.oidc and file.oidc.client_secret_file:
        secret = home / file.oidc.client_secret_file
        changes["oidc"] = file.oidc.model_copy(update={"client_secret_file": secret})
    return file.model_copy(update=changes)


def _refuse_open_air(config: ConsoleConfig) -> None:
    """Passwords and amounts do not cross a network in clear text."""
    try:
        is_loopback = ipaddress.ip_address(config.host).is_loopback
    except ValueError:
        is_loopback = config.host == "localhost"
    if is_loopback or config.file.tls or config.file.trusted_proxies:
        return
    raise UsageRefused(
        f"--host {config.host} is reachable from other machines, and without TLS passwords would "
        f"cross the network in clear text. Name a certificate or a proxy in "
        f"{config.settings.home / FILE}:\n"
        "  tls: {certificate: console.crt, key: console-key.pem}\n"
        "or, when a proxy on another machine ends TLS:\n"
        "  public_url: https://meshline.example.com\n"
        "  trusted_proxies: [10.0.0.7]"
    )


def with_port(config: ConsoleConfig, port: int) -> ConsoleConfig:
    """The same console on another port."""
    return replace(config, port=port)
