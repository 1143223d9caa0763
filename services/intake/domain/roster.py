"""A roster: one line a person, in Chinese or English. What each line wishes for, and everything that is wrong with it."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, get_args

from services.intake.domain.account import (
    MOVES,
    Account,
    AccountStatus,
    Role,
    faults_of,
    normal_phone,
    number_key,
    phone_key,
)
from shared.errors import FieldError, Invalid

HEADS: Mapping[str, tuple[str, ...]] = {
    "name": ("姓名", "名字"),
    "phone": ("手机", "手机号", "手机号码", "电话", "联系电话"),
    "role": ("角色", "身份"),
    "partner": ("平台", "所属平台", "企业"),
    "number": ("工号", "编号", "骑手编号", "骑手工号"),
    "squad": ("小队", "队伍", "中队"),
    "captain": ("队长", "是否队长"),
    "community": ("社区", "所属社区"),
    "communities": ("负责社区", "管辖社区", "工作社区"),
    "department": ("部门", "部门代码"),
    "status": ("状态",),
}
"""Columns, each with the Chinese heads it may have beside its English one. A column that is absent changes nothing."""

ROLES: Mapping[str, Role] = {
    **{role: role for role in get_args(Role)},
    "骑手": "rider",
    "社区工作人员": "staff",
    "社区": "staff",
    "部门": "department",
    "街道负责人": "lead",
    "运维": "operator",
    "管理员": "administrator",
}
STATUSES: Mapping[str, AccountStatus] = {
    "trainee": "trainee",
    "active": "active",
    "left": "left",
    "见习": "trainee",
    "培训中": "trainee",
    "在岗": "active",
    "离队": "left",
    "离职": "left",
}
YES_NO: Mapping[str, bool] = {
    **dict.fromkeys(("是", "队长", "yes", "y", "true", "1", "√"), True),
    **dict.fromkeys(("否", "", "no", "n", "false", "0"), False),
}
ALL = frozenset({"all", "全部"})

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")
_CODE_REASON = "letters, digits, dots and dashes, at most 40"
_NAME = re.compile(r"[^\W\d_]([\w·.\- ]{0,48}\w)?")


@dataclass(frozen=True, slots=True)
class Places:
    """What reference data knows of the sub-district: communities by code with their Chinese name, and departments."""

    communities: Mapping[str, str]
    departments: frozenset[str]

    def community(self, text: str) -> str | None:
        """The code that a code or a name stands for."""
        if text in self.communities:
            return text
        return next(
            (code for code, name in self.communities.items() if text in (name, name.removesuffix("社区"))), None
        )


def check_places(
    places: Places | None, community: str | None, communities: Sequence[str], department: str | None
) -> None:
    """Raises `Invalid` naming every code that reference data does not have; `places` are those of the sub-district."""
    if places is None:
        raise Invalid.field("subdistrict", "is not in the reference data of this installation")
    wrong = []
    if community and community not in places.communities:
        wrong.append(FieldError("community", "is no community of this sub-district"))
    if not set(communities) <= set(places.communities):
        wrong.append(FieldError("communities", "names a community that is not of this sub-district"))
    if department and department not in places.departments:
        wrong.append(FieldError("department", "is no department of the reference data"))
    if wrong:
        raise Invalid("; ".join(f"{one.field}: {one.reason}" for one in wrong), *wrong)


@dataclass(frozen=True, slots=True)
class Line:
    """What one row wishes: values by field of the account, as far as they could be read."""

    row: int
    values: Mapping[str, Any]
    faults: tuple[FieldError, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        """What tells who is meant: telephone, and number at a partner."""
        phone, partner, number = (self.values.get(name) for name in ("phone", "partner", "number"))
        found = [phone_key(phone)] if phone else []
        return (*found, number_key(partner, number)) if partner and number else tuple(found)


@dataclass(slots=True)
class Planned:
    """What an import makes of an account: created, changed, unchanged or left; with the fields that change."""

    row: int
    before: Account | None
    after: Account
    what: str
    fields: tuple[str, ...] = field(default=())


def columns_of(head: Sequence[str]) -> tuple[list[str], list[FieldError]]:
    """The field of each column, and what is wrong with the head."""
    words = {name: name for name in HEADS} | {chinese: name for name, others in HEADS.items() for chinese in others}
    found = [words.get(text.lower().replace(" ", ""), "") for text in head]
    wrong = [
        FieldError(text or f"column {number}", "is no column of a roster", 1)
        for number, (text, name) in enumerate(zip(head, found, strict=True), 1)
        if text and not name
    ]
    wrong += [FieldError(name, "comes twice", 1) for name in HEADS if found.count(name) > 1]
    if "name" not in found:
        wrong.append(FieldError("name", "the column is missing (姓名)", 1))
    if "phone" not in found and "number" not in found:
        wrong.append(FieldError("phone", "a roster needs phone (手机号), or partner and number (平台, 工号)", 1))
    return found, wrong


def read_line(row: int, columns: Sequence[str], cells: Sequence[str], places: Places) -> Line:
    """One row as values. Each cell that cannot be used is a fault of its own."""
    values: dict[str, Any] = {}
    faults: list[FieldError] = []
    for name, text in zip(columns, cells, strict=False):
        if not name:
            continue
        try:
            values[name] = _READERS[name](text, places)
        except ValueError as error:
            faults.append(FieldError(name, str(error), row))
    if not faults and not Line(row, values).keys:
        faults.append(FieldError("phone", "says not who it is: give phone, or partner and number", row))
    return Line(row, values, tuple(faults))


def _name(text: str, places: Places) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError("1 to 50 letters, no formula")
    return text


def _phone(text: str, places: Places) -> str | None:
    phone = normal_phone(text)
    if text and phone is None:
        raise ValueError("is no Chinese telephone number")
    return phone


def _word(known: Mapping[str, Any], blank: Any) -> Callable[[str, Places], Any]:
    def read(text: str, places: Places) -> Any:
        word = text.lower()
        if not word:
            return blank
        if word not in known:
            raise ValueError(f"is none of {', '.join(word for word in known if word)}")
        return known[word]

    return read


def _code(text: str, places: Places) -> str | None:
    if text and not _CODE.fullmatch(text):
        raise ValueError(_CODE_REASON)
    return text or None


def _community(text: str, places: Places) -> str | None:
    code = places.community(text) if text else None
    if text and code is None:
        raise ValueError("is no community of this sub-district")
    return code


def _communities(text: str, places: Places) -> tuple[str, ...]:
    if text.lower() in ALL:
        return tuple(sorted(places.communities))
    wanted = [part for part in re.split(r"[;,、；，\s|]+", text) if part]
    codes = [places.community(part) for part in wanted]
    if None in codes:
        raise ValueError("names a community that is not of this sub-district")
    return tuple(sorted({code for code in codes if code}))


def _department(text: str, places: Places) -> str | None:
    if text and text not in places.departments:
        raise ValueError("is no department of the reference data")
    return text or None


_READERS: Mapping[str, Callable[[str, Places], Any]] = {
    "name": _name,
    "phone": _phone,
    "role": _word(ROLES, None),
    "partner": _code,
    "number": _code,
    "squad": _code,
    "captain": _word(YES_NO, False),
    "community": _community,
    "communities": _communities,
    "department": _department,
    "status": _word(STATUSES, None),
}


def twice(lines: Sequence[Line]) -> list[FieldError]:
    """The same person in two rows."""
    first: dict[str, int] = {}
    found = []
    for line in lines:
        for key in line.keys:
            if key in first:
                name = key.partition(":")[0]
                found.append(FieldError(name, f"is the same as in row {first[key]}", line.row))
            else:
                first[key] = line.row
    return found


def plan(line: Line, before: Account | None, fresh: str, subdistrict: str) -> tuple[Planned | None, list[FieldError]]:
    """What a row makes of the account it means, `before`, or of a new one under the id `fresh`; or why it cannot."""
    values = dict(line.values)
    role: Role | None = values.pop("role", None)
    status: AccountStatus | None = values.pop("status", None)
    if before is None:
        first: AccountStatus = "trainee" if role in (None, "rider") else "active"
        base = Account(fresh, subdistrict, role or "rider", status or first, None)
    else:
        base = before
        if status and status != before.status and (before.status, status) not in MOVES:
            return None, [FieldError("status", f"{before.status} does not become {status}", line.row)]
        base = replace(base, role=role or base.role, status=status or base.status)
    after = replace(base, **values)
    faults = [FieldError(name, reason, line.row) for name, reason in faults_of(after)]
    if faults:
        return None, faults
    fields = _differences(before, after) if before else ()
    return Planned(line.row, before, after, _what(before, after, fields), fields), []


def _differences(before: Account, after: Account) -> tuple[str, ...]:
    return tuple(name for name in HEADS if getattr(before, name) != getattr(after, name))


def _what(before: Account | None, after: Account, fields: tuple[str, ...]) -> str:
    if before is None:
        return "created"
    if "status" in fields and after.status == "left":
        return "left"
    return "changed" if fields else "unchanged"
