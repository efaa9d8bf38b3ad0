"""The policy of roles: `seeds/policies/console_roles.yml`, validated as a whole.

What belongs here: the shape of the policy and every rule that a reviewer could break in it.
What does not: enforcing it (`console.access.guard` for routes, `console.access.scope` for rows).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from orchestration.core.errors import ContractError
from orchestration.settings import Settings

FILE = Path("policies") / "console_roles.yml"
Form = Literal["csv", "xlsx", "parquet"]
Action = Literal["assign", "comment", "resolve", "request", "approve", "review"]
Whole = Annotated[int, Field(gt=0)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SignIn(_Part):
    """How long sessions last and how guesses are slowed; whole minutes and hours."""

    idle_minutes: Whole
    longest_hours: Whole
    failures_before_lock: Whole
    lock_minutes: Whole
    attempts_per_minute: Whole
    least_password_length: Annotated[int, Field(ge=8)]
    link_hours: Whole


class Area(_Part):
    """An entry of the menu and the routes behind it."""

    label: str
    routes: tuple[str, ...]


class Rows(_Part):
    """Which rows a role sees; an empty tuple is no limit."""

    sales_owner: Literal["own", "team", "all"]
    segment: tuple[str, ...] = ()
    owner_role: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Nothing is left out."""
        return self.sales_owner == "all" and not self.segment and not self.owner_role


class Role(_Part):
    """What one role may open, see, take away and do."""

    label: str
    about: str
    pages: tuple[str, ...]
    rows: Rows
    hidden: tuple[str, ...] = ()
    downloads: tuple[Form, ...]
    actions: tuple[Action, ...]


class View(_Part):
    """A ready-made filter of a page."""

    name: str
    page: str
    query: str
    roles: tuple[str, ...]


class Policy(_Part):
    """The whole policy; roles keep the order of the file, which is also that of precedence."""

    version: int
    sign_in: SignIn
    areas: Mapping[str, Area]
    signed_in: tuple[str, ...]
    anyone: tuple[str, ...]
    roles: Mapping[str, Role]
    views: tuple[View, ...] = ()

    @model_validator(mode="after")
    def _names_hold(self) -> Self:
        """Every name that is used is declared, and every route has one place."""
        problems = [
            f"role {role}: there is no area {page}"
            for role, rights in self.roles.items()
            for page in rights.pages
            if page not in self.areas
        ]
        problems += [
            f"view {view.name}: there is no role {role}"
            for view in self.views
            for role in view.roles
            if role not in self.roles
        ]
        problems += [
            f"view {view.name}: there is no area {view.page}"
            for view in self.views
            if view.page not in self.areas
        ]
        routes = [*self.signed_in, *self.anyone]
        routes += [route for area in self.areas.values() for route in area.routes]
        problems += [
            f"route {route} stands in two places"
            for route in sorted(set(routes))
            if routes.count(route) > 1
        ]
        if "administrator" not in self.roles:
            problems.append("role administrator is missing: nobody could invite anybody")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def area_of(self, route: str) -> str | None:
        """The area of a route; None when it is in none."""
        for name, area in self.areas.items():
            if route in area.routes:
                return name
        return None

    def may_open(self, role: str | None, route: str) -> bool:
        """Whether a role may use a route; None is nobody in particular. Unlisted is refused."""
        if route in self.anyone:
            return True
        if role is None or role not in self.roles:
            return False
        return route in self.signed_in or self.area_of(route) in self.roles[role].pages


def load_policy(settings: Settings) -> Policy:
    """Return the policy of this operating model.

    Raises:
        ContractError: The file is missing or not valid; every problem is listed.
    """
    path = settings.seeds / FILE
    try:
        return Policy.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ContractError(f"{path} cannot be read: {error.strerror}.") from error
    except yaml.YAMLError as error:
        raise ContractError(f"{path} is not YAML: {error}") from error
    except ValidationError as error:
        lines = [
            f"  {'.'.join(str(part) for part in problem['loc']) or 'the file'}: {problem['msg']}"
            for problem in error.errors()
        ]
        raise ContractError("\n".join([f"{path} is not valid:", *lines])) from error
