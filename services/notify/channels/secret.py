"""The secrets that channels sign with: one JSON file, mounted read-only; reference data knows only their names.

{"wecom-jingyuan": {"key": "…"}, "dingtalk-ops": {"access_token": "…", "secret": "SEC…"},
 "feishu-ops": {"hook": "…", "secret": "…"}, "lake": {"key": "2026", "secret": "…"},
 "smtp": {"user": "…", "password": "…"}, "sms": {"access_key_id": "…", "access_key_secret": "…"}}
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from services.notify.domain.channel import Endpoint, Kind
from shared.outward import read_json

Secrets = Mapping[str, Mapping[str, str]]

FIELDS: Mapping[Kind, tuple[str, ...]] = {
    Kind.WECOM: ("key",),
    Kind.DINGTALK: ("access_token", "secret"),
    Kind.FEISHU: ("hook", "secret"),
    Kind.WEBHOOK: ("key", "secret"),
    Kind.SMTP: ("user", "password"),
    Kind.SMS: ("access_key_id", "access_key_secret"),
}
"""What a secret of each channel holds."""

SHORTEST = 16
"""Characters of a webhook's own secret; those of providers are as they give them."""

_SHAPES = {frozenset(fields) for fields in FIELDS.values()}


def read_secrets(path: Path | None) -> Secrets:
    """By name. Raises `ValueError` naming the file and the entry, never what is in it."""
    if path is None:
        return {}
    known = read_json(path)
    for name, entry in known.items():
        if not isinstance(entry, dict) or not all(isinstance(value, str) and value for value in entry.values()):
            raise ValueError(f"{path}: {name}: must be an object of texts")
        if frozenset(entry) not in _SHAPES:
            shapes = "; ".join(" + ".join(fields) for fields in FIELDS.values())
            raise ValueError(f"{path}: {name}: must hold exactly one of: {shapes}")
    return known


def faults(endpoints: Iterable[Endpoint], secrets: Secrets) -> list[str]:
    """What is missing before these endpoints can be used, one line each; the installation is told when it starts."""
    found: list[str] = []
    for endpoint in endpoints:
        entry = secrets.get(endpoint.secret_name) if endpoint.secret_name else None
        if endpoint.channel in (Kind.SMTP, Kind.SMS) and not endpoint.secret_name:
            continue  # one secret of the installation, checked when the channel is opened
        if entry is None:
            found.append(f"{endpoint.id}: no secret named {endpoint.secret_name!r}")
        elif set(entry) != set(FIELDS[endpoint.channel]):
            fields = " + ".join(FIELDS[endpoint.channel])
            found.append(f"{endpoint.id}: the secret {endpoint.secret_name!r} must hold {fields}")
        elif endpoint.channel is Kind.WEBHOOK and len(entry["secret"]) < SHORTEST:
            found.append(f"{endpoint.id}: the secret {endpoint.secret_name!r} has fewer than {SHORTEST} characters")
    return found
