"""A session in a browser: two cookies that no script can read, and one that pages repeat with each command."""

from datetime import timedelta

from fastapi import Response

from services.intake.domain.session import IDLE
from services.intake.tokens import VALID
from shared.web.auth import ACCESS_COOKIE

REFRESH_COOKIE = "qianshao_refresh"
CSRF_COOKIE = "qianshao_csrf"
REFRESH_PATH = "/intake/v1/sessions"
"""As the browser sees it, behind the front door: the long-lived token goes nowhere else."""

_LIVES: tuple[tuple[str, str, timedelta], ...] = (
    (ACCESS_COOKIE, "/", VALID),
    (REFRESH_COOKIE, REFRESH_PATH, IDLE),
    (CSRF_COOKIE, "/", IDLE),
)


def set_cookies(response: Response, access: str, refresh: str, csrf: str, *, secure: bool) -> None:
    """Log the browser in. `secure`: only over TLS."""
    for (name, path, life), value in zip(_LIVES, (access, refresh, csrf), strict=True):
        response.set_cookie(
            name,
            value,
            max_age=int(life.total_seconds()),
            path=path,
            secure=secure,
            httponly=name != CSRF_COOKIE,
            samesite="strict",
        )


def clear_cookies(response: Response, *, secure: bool) -> None:
    """Log the browser out."""
    for name, path, _ in _LIVES:
        response.delete_cookie(name, path=path, secure=secure, httponly=name != CSRF_COOKIE, samesite="strict")
