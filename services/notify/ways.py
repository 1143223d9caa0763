"""How audiences are reached: robots by reference data, riders by what they chose and confirmed."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from services.notify.domain.case import ACCOUNT, RIDER
from services.notify.domain.channel import LIMITS, Endpoint, Kind, Limits
from services.notify.domain.delivery import Delivery, Way
from services.notify.domain.message import Message
from services.notify.domain.preferences import CONFIRMING, PERSONAL, Contacts, Preferences, personal_ways, topic_of
from services.notify.domain.telling import Urgency
from shared.reference.channels import Robot
from shared.reference.reference import Reference


class Addresses(Protocol):
    """What riders chose. Raises what the driver raises."""

    async def of(self, account: str) -> tuple[Preferences | None, Contacts | None, str | None]:
        """Preferences, contacts, and the community that the account belongs to."""
        ...


class ReferenceWays:
    """See `Ways` of planning and `Doors` of sending."""

    def __init__(self, reference: Reference, addresses: Addresses) -> None:
        self._reference = reference
        self._addresses = addresses
        self._robots: dict[str, list[Robot]] = {}
        for robot in reference.robots.values():
            self._robots.setdefault(robot.audience, []).append(robot)

    async def of(self, audience: str, message: Message) -> tuple[Sequence[Way], str | None]:
        kind, _, id_ = audience.partition(":")
        if kind in (RIDER, ACCOUNT):
            preferences, contacts, community = await self._addresses.of(id_)
            topic = topic_of(message.template, message.urgency is Urgency.URGENT)
            return personal_ways(id_, preferences, contacts, topic), community
        # A department's robot is its own, whichever sub-district it is told of.
        name = f"{kind}:{id_.partition(':')[2]}" if kind == "department" else audience
        return [_way(robot) for robot in self._robots.get(name, ())], _community(kind, id_)

    async def endpoint(self, delivery: Delivery) -> Endpoint | None:
        if delivery.channel in PERSONAL:
            return await self._personal(delivery)
        robot = self._reference.robots.get(delivery.endpoint)
        return None if robot is None else _endpoint(robot)

    def endpoints(self) -> list[Endpoint]:
        """Of every robot."""
        return [_endpoint(robot) for robot in self._reference.robots.values()]

    async def _personal(self, delivery: Delivery) -> Endpoint | None:
        _, _, account = delivery.endpoint.partition(":")
        _, contacts, _ = await self._addresses.of(account)
        address = contacts.addresses.get(delivery.channel) if contacts else None
        if address is None or not (address.confirmed or delivery.template == CONFIRMING):
            return None
        return Endpoint(delivery.endpoint, delivery.channel, address.value, limits=LIMITS[delivery.channel])

    def quiet_until(self, subdistrict: str, now: datetime) -> datetime | None:
        """The end of the night there if it is night, by the sub-district's clock; None by day."""
        known = self._reference.subdistricts.get(subdistrict)
        zone = ZoneInfo(known.zone if known else "Asia/Shanghai")
        begin, end = self._reference.quiet.hours
        local = now.astimezone(zone)
        time = local.time()
        night = begin <= time or time < end if begin > end else begin <= time < end
        if not night:
            return None
        day = local.date() + timedelta(days=time >= end)
        return datetime.combine(day, end, zone).astimezone(now.tzinfo)


def _way(robot: Robot) -> Way:
    return Way(robot.code, robot.code, Kind(robot.channel), robot.language)


def _endpoint(robot: Robot) -> Endpoint:
    return Endpoint(robot.code, Kind(robot.channel), robot.url, robot.secret, _limits(robot))


def _limits(robot: Robot) -> Limits:
    usual = LIMITS[Kind(robot.channel)]
    if robot.per_minute is None:
        return usual
    return Limits(robot.per_minute, usual.per_second, usual.max_bytes, usual.penalty_seconds)


def _community(kind: str, id_: str) -> str | None:
    """Of an audience that lies in one: a community's own, or a group's by the code of its node."""
    if kind == "community":
        return id_
    level, _, node = id_.partition("-")
    inside = kind == "group" and level != "squad" and len(node) >= 12 and not node[:12].endswith("000")
    return node[:12] if inside else None
