"""A storm through delivery and the channels themselves into robots that count, and that block whoever says too much."""

import random
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import cast

from services.notify.channels.opening import ChannelSettings, channels
from services.notify.domain.channel import LIMITS, Endpoint, Kind
from services.notify.domain.delivery import Delivery, State
from services.notify.domain.telling import Urgency
from services.notify.sending import Sending
from shared.ids import new_id
from shared.mongo.lease import Lease
from tests.support.fakes.dingtalk import Dingtalk
from tests.support.fakes.feishu import Feishu
from tests.support.fakes.limit import SECOND, Window
from tests.support.fakes.wecom import Wecom
from tests.support.fakes.wire import Provider, Straight
from tests.support.memory import NOW
from tests.support.sending import Clock, Counted, Held, MemoryShelf, delivery

INCIDENTS, MINUTE = 500, 60
ROBOTS = {
    **{f"w{n}": Kind.WECOM for n in range(5)},
    **{f"d{n}": Kind.DINGTALK for n in range(2)},
    **{f"f{n}": Kind.FEISHU for n in range(2)},
}


class Doors:
    """Every robot has its own secret."""

    async def endpoint(self, delivery: Delivery) -> Endpoint | None:
        return Endpoint(delivery.endpoint, delivery.channel, "", delivery.endpoint, LIMITS[delivery.channel])


class Town:
    """The three platforms with these robots, and delivery in front of them."""

    def __init__(self) -> None:
        self.clock, self.shelf = Clock(), MemoryShelf()
        of = {kind: [name for name, its in ROBOTS.items() if its is kind] for kind in Kind}
        self.wecom = Wecom(self.clock, *of[Kind.WECOM])
        self.dingtalk = Dingtalk(self.clock, dict.fromkeys(of[Kind.DINGTALK], "SEC"))
        self.feishu = Feishu(self.clock, dict.fromkeys(of[Kind.FEISHU], "SEC"))
        secrets = {
            **{name: {"key": name} for name in of[Kind.WECOM]},
            **{name: {"access_token": name, "secret": "SEC"} for name in of[Kind.DINGTALK]},
            **{name: {"hook": name, "secret": "SEC"} for name in of[Kind.FEISHU]},
        }
        hosts: dict[str, Provider] = {
            "qyapi.weixin.qq.com": self.wecom,
            "oapi.dingtalk.com": self.dingtalk,
            "open.feishu.cn": self.feishu,
        }
        made = channels(ChannelSettings(channels="wecom,dingtalk,feishu"), Straight(hosts), secrets, self.clock, new_id)
        day = lambda subdistrict, now: None  # noqa: E731 - nobody sleeps
        lease, origin = cast(Lease, Held()), "https://front.example"
        self.sending = Sending(self.shelf, Doors(), made, lease, self.clock, Counted(), day, origin, lambda: 0.5)

    @property
    def windows(self) -> dict[str, Window]:
        return {**self.wecom.windows, **self.dingtalk.windows, **self.feishu.windows}

    def texts(self, robot: str) -> list[str]:
        platforms: dict[Kind, Wecom | Dingtalk | Feishu] = {
            Kind.WECOM: self.wecom,
            Kind.DINGTALK: self.dingtalk,
            Kind.FEISHU: self.feishu,
        }
        return platforms[ROBOTS[robot]].texts(robot)

    async def run(self, seconds: int) -> None:
        for _ in range(seconds):
            await self.sending.step()
            self.clock.on(1)


async def test_a_storm_of_500_incidents_passes_no_platforms_limit_and_every_urgent_one_is_out_in_its_minute() -> None:
    town, dice = Town(), random.Random(39)
    for number in range(INCIDENTS):
        robot = dice.choice(sorted(ROBOTS))
        urgency = Urgency.URGENT if dice.random() < 0.4 else Urgency.NORMAL
        came = NOW + timedelta(seconds=dice.randrange(MINUTE))
        town.shelf.add(replace(delivery(number, robot, urgency, came), channel=ROBOTS[robot]))
    await town.run(400)
    ended = town.shelf.kept.values()
    assert Counter(one.state for one in ended) == {State.SENT: INCIDENTS}
    for robot, window in town.windows.items():
        assert window.calls == window.taken, f"{robot} turned one away"
        assert window.most() <= window.per_minute
        assert window.most(SECOND) <= (window.per_second or window.per_minute)
    waits = [one.ended - one.stored for one in ended if one.urgent and one.ended]
    assert len(waits) > 150
    assert max(waits) <= timedelta(seconds=60)
    for one in ended:
        assert one.public_code
        assert sum(one.public_code in text for text in town.texts(one.endpoint)) == 1, "stands there once"
