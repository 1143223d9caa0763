"""Robots of chat groups, and the hours at which nobody is woken for what can wait. Secrets are named here, never written."""

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import time
from typing import Literal

from pydantic import Field, model_validator

from shared.reference.files import Fault, Strict
from shared.reference.groups import Group
from shared.reference.places import Place

_CLOCK = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
_COMMUNITY, _SUBDISTRICT = re.compile("[0-9]{12}"), re.compile("[0-9]{9}")


class Quiet(Strict):
    """From `begin` to `end` by the sub-district's clock, over midnight as a rule; (assumed) until a district says otherwise."""

    begin: str = Field(default="22:00", pattern=_CLOCK)
    end: str = Field(default="07:00", pattern=_CLOCK)

    @property
    def hours(self) -> tuple[time, time]:
        """Both as times of day."""
        return time.fromisoformat(self.begin), time.fromisoformat(self.end)


class Robot(Strict):
    """Speaks in the group of `audience`: `group:<code of a group>`, `community:<code>` (its staff), `department:<code>` or
    `subdistrict:<code>` (the leads). `secret`: under which name its key or token is mounted. `url`: for a webhook and for a
    platform that is not reached at its public address. `per_minute`: where the platform grants less than usual."""

    code: str = Field(pattern="^[a-z][a-z0-9-]{1,60}$")
    channel: Literal["wecom", "dingtalk", "feishu", "webhook"]
    audience: str = Field(pattern="^(group|community|department|subdistrict):[a-z0-9-]{1,60}$")
    secret: str = Field(pattern="^[0-9A-Za-z._-]{1,64}$")
    url: str = Field(default="", pattern="^(https?://[!-~]{1,300})?$")
    language: Literal["zh", "en"] = "zh"
    per_minute: int | None = Field(default=None, ge=1, le=1000)

    @model_validator(mode="after")
    def _reached(self) -> "Robot":
        if self.channel == "webhook" and not self.url:
            raise ValueError("a webhook needs its url")
        return self


class ChannelsFile(Strict):
    quiet: Quiet | None = None
    robots: tuple[Robot, ...] = ()


def check(
    files: Mapping[str, ChannelsFile],
    groups: Collection[Group],
    places: Iterable[Place],
    departments: Collection[str],
    faults: list[Fault],
) -> None:
    """Codes are unique, at most one file says when it is quiet, and every robot speaks to somebody who exists."""
    known = {f"group:{group.code}" for group in groups} | {f"department:{code}" for code in departments}
    for place in places:
        if _COMMUNITY.fullmatch(place.code):
            known.add(f"community:{place.code}")
        elif _SUBDISTRICT.fullmatch(place.code):
            known.add(f"subdistrict:{place.code}")
    seen: set[str] = set()
    for name, file in files.items():
        for robot in file.robots:
            where = f"robots ({robot.code})"
            if robot.code in seen:
                faults.append(Fault(name, f"{where}.code", "code twice"))
            if robot.audience not in known:
                faults.append(Fault(name, f"{where}.audience", f"there is no {robot.audience}"))
            seen.add(robot.code)
    quiet = [name for name, file in files.items() if file.quiet is not None]
    faults += [Fault(name, "quiet", f"{quiet[0]} says it already") for name in quiet[1:]]
