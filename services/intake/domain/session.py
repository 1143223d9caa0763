"""A device that is logged in. Its refresh token changes with each use; one that comes back too late shows a thief.

The secret of generation n is made from the server's secret, the session and n, so nothing that opens a door is stored.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

IDLE = timedelta(days=90)
LONGEST = timedelta(days=365)
GRACE = timedelta(seconds=30)
"""How long the token before the newest is answered again to whoever cannot name the attempt whose answer was lost."""

MOST_DEVICES = 20
"""Open sessions of one account; the one used longest ago makes room for the next."""

KEEP = timedelta(days=30)
"""How long an ended session is kept, so that a stolen token is still known as one."""

Client = Literal["web", "app"]
Verdict = Literal["rotated", "repeated", "reused", "ended", "expired"]


@dataclass(frozen=True, slots=True)
class Session:
    """`generation` is the newest refresh token given out, since `refreshed_at`, to the `attempt` (a digest) that asked for it.

    `keep_until`: then it may leave the store.
    """

    id: str
    account: str
    client: Client
    device: str
    opened_at: datetime
    refreshed_at: datetime
    keep_until: datetime
    generation: int = 1
    attempt: str | None = None
    ended_at: datetime | None = None
    ended_because: str | None = None


@dataclass(frozen=True, slots=True)
class Devices:
    """The sessions of an account, `id` is the account's; some may have ended since."""

    id: str
    sessions: tuple[str, ...] = ()


def make_room(sessions: list[Session]) -> tuple[list[Session], list[Session]]:
    """(kept, to end) of an account's open sessions, so that one more may be opened."""
    latest = sorted(sessions, key=lambda one: one.refreshed_at, reverse=True)
    return latest[: MOST_DEVICES - 1], latest[MOST_DEVICES - 1 :]


def open_session(id_: str, account: str, client: Client, device: str, now: datetime) -> Session:
    """A new one, whose first refresh token is of generation 1."""
    return Session(id_, account, client, device, now, now, _keep_until(now, now))


def expires_at(session: Session) -> datetime:
    """90 days after it was last used, a year after it was opened."""
    return min(session.refreshed_at + IDLE, session.opened_at + LONGEST)


def is_open(session: Session, now: datetime) -> bool:
    return session.ended_at is None and now < expires_at(session)


def refresh(session: Session, presented: int, now: datetime, attempt: str | None = None) -> tuple[Session, Verdict]:
    """The session after a genuine refresh token of generation `presented` came in, and what that means.

    The newest one rotates. The one before it is answered with the same successor to the very `attempt` that rotated it,
    however late (a phone that lost the answer in a lift and wakes next morning), and to others for `GRACE`. Anything older,
    or after the successor was used (then it is older by two), is a copy in other hands: the session ends for both.
    """
    if session.ended_at is not None:
        return session, "ended"
    if now >= expires_at(session):
        return ended(session, "expired", now), "expired"
    if presented == session.generation:
        keep = _keep_until(session.opened_at, now)
        rotated = replace(session, generation=presented + 1, attempt=attempt, refreshed_at=now, keep_until=keep)
        return rotated, "rotated"
    same = attempt is not None and attempt == session.attempt
    if 0 < presented == session.generation - 1 and (same or now - session.refreshed_at <= GRACE):
        return session, "repeated"
    return ended(session, "reused", now), "reused"


def ended(session: Session, because: str, now: datetime) -> Session:
    """The session, closed for good; the first reason counts."""
    if session.ended_at is not None:
        return session
    return replace(session, ended_at=now, ended_because=because, keep_until=now + KEEP)


def _keep_until(opened_at: datetime, refreshed_at: datetime) -> datetime:
    return min(refreshed_at + IDLE, opened_at + LONGEST) + KEEP


def refresh_token(secret: bytes, session: str, generation: int) -> str:
    """`session.generation.proof`."""
    return f"{session}.{generation}.{_proof(secret, f'refresh {session} {generation}')}"


def read_refresh_token(secret: bytes, token: str) -> tuple[str, int] | None:
    """(session, generation) of a token that we made, None for any other."""
    session, _, rest = token.partition(".")
    generation, _, _ = rest.partition(".")
    if not (generation.isascii() and generation.isdigit() and len(generation) < 10):
        return None
    if not hmac.compare_digest(token.encode(), refresh_token(secret, session, int(generation)).encode()):
        return None
    return session, int(generation)


def csrf_token(secret: bytes, session: str) -> str:
    """What pages of this session repeat in a header: the same as long as the session lives, and stored nowhere."""
    return _proof(secret, f"csrf {session}")


def _proof(secret: bytes, text: str) -> str:
    mac = hmac.new(secret, text.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(mac).rstrip(b"=").decode()
