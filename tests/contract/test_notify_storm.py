"""A storm of 500 incidents over the real channels against the providers' fakes: no limit is passed, every urgent one is out."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import cast

import pytest

from services.notify.channels.dingtalk import Dingtalk
from services.notify.channels.feishu import Feishu
from services.notify.channels.wecom import Wecom
from services.notify.domain.channel import LIMITS, Endpoint, Kind
from services.notify.domain.delivery import Delivery
from services.notify.domain.telling import Urgency
from services.notify.ports import Channel
from services.notify.sending import Sending
from shared.mongo.lease import Lease
from tests.support.channels import REFERENCE, SECRET
from tests.support.fakes import dingtalk, feishu, wecom
from tests.support.fakes.wire import Provider, Straight
from tests.support.memory import NOW
from tests.support.sending import Clock, Counted, Held, MemoryShelf, delivery

KINDS = (Kind.WECOM, Kind.DINGTALK, Kind.FEISHU)
HOSTS = {Kind.WECOM: "qyapi.weixin.qq.com", Kind.DINGTALK: "oapi.dingtalk.com", Kind.FEISHU: "open.feishu.cn"}


@dataclass
class Doors:
    """Every endpoint is one of three robots, at the providers' own addresses."""

    async def endpoint(self, delivery: Delivery) -> Endpoint | None:
        return Endpoint(delivery.endpoint, delivery.channel, "", delivery.channel.value, LIMITS[delivery.channel])


def providers(clock: Clock) -> dict[Kind, Provider]:
    keys = {kind: REFERENCE[kind] for kind in KINDS}
    return {
        Kind.WECOM: wecom.Wecom(clock, keys[Kind.WECOM]["key"]),
        Kind.DINGTALK: dingtalk.Dingtalk(clock, {keys[Kind.DINGTALK]["access_token"]: SECRET}),
        Kind.FEISHU: feishu.Feishu(clock, {keys[Kind.FEISHU]["hook"]: SECRET}),
    }


def channels(way: Straight, clock: Clock) -> Mapping[Kind, Channel]:
    secrets = {kind.value: REFERENCE[kind] for kind in KINDS}
    return {
        Kind.WECOM: Wecom(way, secrets),
        Kind.DINGTALK: Dingtalk(way, secrets, clock),
        Kind.FEISHU: Feishu(way, secrets, clock),
    }


@pytest.mark.parametrize("seed", [1, 39])
async def test_a_storm_passes_no_limit_and_every_urgent_one_is_out_within_its_minute(seed: int) -> None:
    clock, shelf, dice = Clock(), MemoryShelf(), random.Random(seed)
    behind = providers(clock)
    way = Straight({HOSTS[kind]: behind[kind] for kind in KINDS})
    lease = cast(Lease, Held())
    sending = Sending(
        shelf, Doors(), channels(way, clock), lease, clock, Counted(), lambda where, now: None, "https://q.example"
    )
    for number in range(500):
        kind = dice.choice(KINDS)
        urgency = Urgency.URGENT if dice.random() < 0.3 else Urgency.NORMAL
        at = NOW + timedelta(seconds=dice.randrange(300))
        one = delivery(number, kind.value, urgency, at)
        shelf.add(replace(one, channel=kind))
    for _ in range(600):
        await sending.step()
        clock.on(1)
    codes = {attempt.code for one in shelf.kept.values() for attempt in one.attempts}
    assert {one.state.value for one in shelf.kept.values()} == {"sent"}
    assert codes == {"0"}, "nobody was ever turned away"
    waits = [one.ended - one.stored for one in shelf.kept.values() if one.urgent and one.ended]
    assert len(waits) > 100
    assert max(waits) <= timedelta(seconds=60)
