"""Accounts for the tests of intake."""

from dataclasses import replace
from typing import Any

from services.intake.domain.account import Account
from services.intake.sessions import Desk
from services.intake.store import ACCOUNTS, DEVICES, INVITES, SESSIONS

DESK = Desk(ACCOUNTS, INVITES, SESSIONS, DEVICES)
HERE, THERE = "140302003", "140302004"


def account(id_: str = "rider-1", **changes: Any) -> Account:
    """A rider of squad 1 who belongs to the first community."""
    usual = Account(
        id_,
        HERE,
        "rider",
        "active",
        "张三",
        phone="13812345678",
        partner="platform-a",
        number="A-0001",
        squad="squad-1",
        community="140302003001",
    )
    return replace(usual, **changes)


def staff(id_: str = "staff-1", **changes: Any) -> Account:
    """Of the first two communities."""
    usual = Account(id_, HERE, "staff", "active", "李四", communities=("140302003001", "140302003002"))
    return replace(usual, **changes)


def department(id_: str = "water-1", **changes: Any) -> Account:
    """Of the water company."""
    return replace(Account(id_, HERE, "department", "active", "王五", department="water"), **changes)
