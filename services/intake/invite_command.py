"""`python -m services.intake invite`: a one-time link for somebody, printed with its QR code. Run by `qianshao invite`."""

import argparse
import asyncio
import sys
from typing import get_args

from services.intake import app
from services.intake.domain.account import Account, Role, normal_phone
from services.intake.links import qr_text
from shared.errors import Refused, Unavailable


def invite(arguments: list[str]) -> int:
    """Exit status: 0 with the link on standard output, 1 with the reason on standard error, 2 for a wrong call."""
    wanted = _wanted(_parser().parse_args(arguments))
    if wanted is None:
        return _fail("phone: is no Chinese telephone number")
    try:
        account, link, expires_at = asyncio.run(app.invite(wanted))
    except (Refused, Unavailable, ValueError, OSError) as error:
        return _fail(getattr(error, "detail", str(error)))
    sys.stdout.write(f"{qr_text(link)}\n{link}\n{account.name} ({account.role}, {account.id})\n")
    sys.stdout.write(f"一次有效，至 {expires_at:%Y-%m-%d %H:%M} UTC · good once, until then; a new one ends it\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m services.intake invite", description="邀请 · A one-time login link"
    )
    parser.add_argument("--role", required=True, choices=get_args(Role))
    parser.add_argument("--subdistrict", required=True, help="9 digits, as in the reference data")
    parser.add_argument("--name", required=True, help="姓名; the same name and role again is the same account")
    parser.add_argument("--phone")
    parser.add_argument("--community", action="append", default=[], help="staff: where they act, as often as needed")
    parser.add_argument("--department", help="role department: its code")
    return parser


def _wanted(given: argparse.Namespace) -> Account | None:
    phone = normal_phone(given.phone) if given.phone else None
    if given.phone and phone is None:
        return None
    rider = given.role == "rider"
    return Account(
        "",
        given.subdistrict,
        given.role,
        "active",
        given.name,
        phone=phone,
        community=given.community[0] if rider and given.community else None,
        communities=() if rider else tuple(sorted(given.community)),
        department=given.department,
    )


def _fail(reason: str) -> int:
    sys.stderr.write(f"{reason}\n")
    return 1
