"""Default deny: a service is a table of routes with who may call each, and serves nothing that is not in its table.

Who calls and as what is decided before the handler runs and before a byte of the body is read. How far he then sees is his
`Scope`, which the store puts into every query; the table says it in words, for people.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from fastapi import Request
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.errors import Forbidden
from shared.web.auth import Role, caller


class Reach(StrEnum):
    """How far a route sees."""

    NOTHING = "nothing"
    OWN = "own"
    SQUAD = "squad"
    DEPARTMENT = "department"
    COMMUNITIES = "communities"
    SUBDISTRICT = "sub-district"


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may call a route, how far he sees there, and what it is for. `roles` None: everybody, also without a token."""

    roles: frozenset[Role] | None
    reach: tuple[Reach, ...]
    zh: str
    en: str


Policy = Mapping[str, Rule]
"""By "METHOD /path", as FastAPI spells the path."""

DESKS = (Role.STAFF, Role.LEAD)
EVERY_ROLE = tuple(Role)


def allow(*roles: Role, reach: Reach | tuple[Reach, ...], zh: str, en: str) -> Rule:
    """A row for these roles. Raises `ValueError` for a row that lets nobody in."""
    if not roles:
        raise ValueError(f"{en}: a route that nobody may call; for everybody there is `public`")
    return Rule(frozenset(roles), reach if isinstance(reach, tuple) else (reach,), zh, en)


def public(zh: str, en: str) -> Rule:
    """A row for everybody. What such a route shows is said by `zh` and `en`."""
    return Rule(None, (Reach.NOTHING,), zh, en)


OF_EVERY_PROCESS: Policy = {
    "GET /livez": public("进程存活（前门不转发）", "the process lives; not routed by the front door"),
    "GET /readyz": public("进程就绪（前门不转发）", "the process is ready; not routed by the front door"),
    "GET /metrics": public("指标（前门不转发）", "metrics; not routed by the front door"),
    "GET /v1/docs": public("接口文档", "the documentation of this API"),
    "GET /v1/openapi.json": public("接口描述", "the description of this API"),
}


def guard(routes: Iterable[BaseRoute], policy: Policy) -> None:
    """Put each route behind its row. Raises `ValueError` naming a route without a row, a row without a route, or what is
    no plain HTTP route and could not be guarded."""
    left = dict(policy)
    for route in routes:
        if not isinstance(route, Route):
            raise ValueError(
                f"{getattr(route, 'path', route)!s}: only plain HTTP routes are guarded, this is {route!r}"
            )
        rules = {name: left.pop(name, None) for name in _names(route)}
        missing = sorted(name for name, rule in rules.items() if rule is None)
        if missing or not rules:
            raise ValueError(f"{', '.join(missing) or route.path}: no row in the policy; default is deny")
        route.app = _Guarded(route.app, {name.partition(" ")[0]: rule for name, rule in rules.items() if rule})
    if left:
        raise ValueError(f"{', '.join(sorted(left))}: in the policy, and there is no such route")


def _names(route: Route) -> list[str]:
    """HEAD is served where GET is, by the same row."""
    methods = set(route.methods or ())
    return [f"{method} {route.path}" for method in sorted(methods - {"HEAD"} if "GET" in methods else methods)]


class _Guarded:
    """ASGI: the route, for whom its row lets in."""

    def __init__(self, app: ASGIApp, rules: dict[str, Rule]) -> None:
        self._app = app
        self._rules = rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        admit(Request(scope), self._rules[method])
        await self._app(scope, receive, send)


def admit(request: Request, rule: Rule) -> None:
    """Verify the caller and leave him in the request's scope. Raises `Unauthorized`, `CsrfMissing` or `Forbidden`."""
    if rule.roles is None:
        return
    principal = caller(request)
    if principal.role not in rule.roles:
        names = " or ".join(role for role in Role if role in rule.roles)
        raise Forbidden(f"this needs the role {names}, you are {principal.role}")
    request.scope["principal"] = principal
