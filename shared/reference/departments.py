"""Who can be asked to act: the departments of the file and one inbox per community."""

import re
from typing import Literal

from pydantic import Field

from shared.reference.files import Fault, Named, Strict

COMMUNITY_PREFIX = "community-"
DEPARTMENT_CODE = re.compile(r"[a-z][a-z0-9-]{1,30}")
"""Safe as the last part of a topic, an ACL and a group name."""


class Webhook(Strict):
    """Where a department's own server is told, and the id of the key that signs it. The secret and the hosts that are allowed
    are settings of dispatch: whoever edits reference data cannot send anything anywhere."""

    url: str = Field(pattern="^https?://[!-~]{1,300}$")
    key: str = Field(pattern="^[0-9A-Za-z._-]{1,64}$")


class Department(Named):
    """`contact`: `topic` subscribes to its own Kafka dispatch topic, `inbox` works on the department inbox page.

    `community` is the 12-digit code whose inbox this is, None for a department of the file. `also`: other names by which
    workbooks call it. `webhook`: told there as well, whatever the contact.
    """

    code: str = Field(pattern=f"^{DEPARTMENT_CODE.pattern}$")
    contact: Literal["topic", "inbox"]
    community: str | None = None
    also: tuple[str, ...] = ()
    webhook: Webhook | None = None


class DepartmentsFile(Strict):
    departments: tuple[Department, ...] = Field(min_length=1)


def community_inbox(community: str) -> str:
    """The department code of a community's inbox, by its 12-digit code."""
    return COMMUNITY_PREFIX + community


def check(name: str, file: DepartmentsFile, faults: list[Fault]) -> None:
    """Codes and names are unique, and the names of community inboxes are left to the communities."""
    seen: set[str] = set()
    names: dict[str, str] = {}
    for department in file.departments:
        where = f"departments ({department.code})"
        if department.code in seen:
            faults.append(Fault(name, where, "code twice"))
        if department.code.startswith(COMMUNITY_PREFIX) or department.community is not None:
            faults.append(Fault(name, where, "community inboxes come from the grid tree, not from this file"))
        faults += [
            Fault(name, f"{where}.also", f"{word!r} is also what {names[word]} is called")
            for word in {department.zh, *department.also}
            if names.setdefault(word, department.code) != department.code
        ]
        seen.add(department.code)
