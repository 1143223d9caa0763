"""Each of notify's channels set up against its provider's fake: what the cases of the contract suite need to know of it."""

import itertools
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from services.notify.channels.dingtalk import Dingtalk
from services.notify.channels.feishu import Feishu
from services.notify.channels.secret import Secrets
from services.notify.channels.sms import Registered, Sms
from services.notify.channels.smtp import MailServer, Smtp
from services.notify.channels.webhook import Webhook
from services.notify.channels.wecom import Wecom
from services.notify.domain.channel import Endpoint, Kind, Parcel
from services.notify.ports import Channel
from shared.outward import Outward
from tests.support.fakes import aliyun, dingtalk, feishu, hook, smtp, wecom
from tests.support.fakes.limit import Window
from tests.support.fakes.wire import Clock, Provider, Reply, Wire, listening

SECRET = "SEC" + "0123456789abcdef" * 4
NUMBER, BOX = "13800000001", "zhang@example.cn"
PARCEL = Parcel(
    key="incident-changed:inc:7:0|wecom:group|2",
    title="井盖缺失 7K3M-9QXA",
    text="南关街北口，已设围挡。\n请部门 30 分钟内到场。",
    link="https://qianshao.example/p/7K3M-9QXA",
    template="danger",
    parts={"code": "7K3M-9QXA", "place": "南关街北口"},
)
REFERENCE: Mapping[Kind, Mapping[str, str]] = {
    Kind.WECOM: {"key": "693a91f6-7xxx"},
    Kind.DINGTALK: {"access_token": "tok", "secret": SECRET},
    Kind.FEISHU: {"hook": "hook-1", "secret": SECRET},
    Kind.WEBHOOK: {"key": "2026", "secret": SECRET},
    Kind.SMTP: {"user": "notify", "password": "p" * 20},
    Kind.SMS: {"access_key_id": "LTAI", "access_key_secret": SECRET},
}
MINUTE = {Kind.WECOM: 20, Kind.DINGTALK: 20, Kind.FEISHU: 5, Kind.WEBHOOK: 10, Kind.SMTP: 4, Kind.SMS: 1}
"""How many each fake lets in before it says no (Feishu: in a second)."""


@dataclass
class Rig:
    """A channel and what is behind it. `texts` is what people read, in order; `window` counts; `wire` is None for mail."""

    kind: Kind
    channel: Callable[..., Channel]
    endpoint: Endpoint
    clock: Clock
    texts: Callable[[], list[str]]
    window: Callable[[], Window]
    wire: Wire | None = None
    mail: smtp.MailServer | None = None

    def made(self, **changes: Any) -> Channel:
        """The channel: with other secrets, hosts, or a clock that is wrong."""
        return self.channel(**changes)

    def stop_listening(self) -> None:
        """From now on nobody is there."""
        server = self.wire or self.mail
        assert server is not None
        assert server.listener is not None
        server.listener.close()


async def here(host: str, port: int) -> list[str]:
    """Every host is this machine."""
    return ["127.0.0.1"]


@asynccontextmanager
async def rigged(kind: Kind, folder: Path) -> AsyncIterator[Rig]:
    """A channel of that kind against a provider that listens."""
    clock = Clock()
    if kind is Kind.SMTP:
        async with _mail(clock, folder) as rig:
            yield rig
        return
    provider, texts, window = _providers(clock)[kind]()
    ways: dict[tuple[str, ...], Outward] = {}  # one each: what a client costs is its trust store
    async with listening(provider) as wire:
        host = f"provider.example:{wire.port}"
        numbers = itertools.count()

        def channel(secrets: Secrets | None = None, hosts: tuple[str, ...] = (host,), clock: Clock = clock) -> Channel:
            way = ways.get(hosts) or ways.setdefault(hosts, Outward(hosts, development=True, lookup=here))
            known = {"it": REFERENCE[kind]} if secrets is None else secrets
            if kind is Kind.WECOM:
                return Wecom(way, known)
            if kind is Kind.SMS:
                registered = Registered("前哨", {"danger": "SMS_1"})
                url = f"http://{host}/"
                return Sms(way, known, registered, clock, lambda: f"nonce-{next(numbers)}", url)
            others: dict[Kind, Callable[..., Channel]] = {
                Kind.DINGTALK: Dingtalk,
                Kind.FEISHU: Feishu,
                Kind.WEBHOOK: Webhook,
            }
            return others[kind](way, known, clock)

        endpoint = Endpoint(f"{kind}:it", kind, _address(kind, host), "it")
        yield Rig(kind, channel, endpoint, clock, texts, window, wire)
    for way in ways.values():
        await way.close()


def _address(kind: Kind, host: str) -> str:
    paths = {
        Kind.WECOM: wecom.PATH,
        Kind.DINGTALK: dingtalk.PATH,
        Kind.FEISHU: feishu.PATH.rstrip("/"),
        Kind.WEBHOOK: "/told",
    }
    return NUMBER if kind is Kind.SMS else f"http://{host}{paths[kind]}"


Built = tuple[Provider, Callable[[], list[str]], Callable[[], Window]]


def _providers(clock: Clock) -> Mapping[Kind, Callable[[], Built]]:
    def of_wecom() -> Built:
        key = REFERENCE[Kind.WECOM]["key"]
        robots = wecom.Wecom(clock, key)
        return robots, lambda: robots.texts(key), lambda: robots.windows[key]

    def of_dingtalk() -> Built:
        token = REFERENCE[Kind.DINGTALK]["access_token"]
        robots = dingtalk.Dingtalk(clock, {token: SECRET})
        return robots, lambda: robots.texts(token), lambda: robots.windows[token]

    def of_feishu() -> Built:
        name = REFERENCE[Kind.FEISHU]["hook"]
        robots = feishu.Feishu(clock, {name: SECRET})
        return robots, lambda: robots.texts(name), lambda: robots.windows[name]

    def of_webhook() -> Built:
        receiver = hook.Hook(clock, {REFERENCE[Kind.WEBHOOK]["key"]: SECRET}, MINUTE[Kind.WEBHOOK])
        read = lambda: ["\n".join((m["title"], m["text"], m["link"])) for m in receiver.said.values()]  # noqa: E731
        return receiver, read, lambda: receiver.window

    def of_sms() -> Built:
        words = {"SMS_1": "险情 ${code}，${place}，请即到场。"}
        service = aliyun.Aliyun(clock, {REFERENCE[Kind.SMS]["access_key_id"]: SECRET}, "前哨", words)
        return service, lambda: service.said.get(NUMBER, []), lambda: service.windows[NUMBER]

    return {
        Kind.WECOM: of_wecom,
        Kind.DINGTALK: of_dingtalk,
        Kind.FEISHU: of_feishu,
        Kind.WEBHOOK: of_webhook,
        Kind.SMS: of_sms,
    }


@asynccontextmanager
async def _mail(clock: Clock, folder: Path) -> AsyncIterator[Rig]:
    users = {"notify": REFERENCE[Kind.SMTP]["password"]}
    window = Window(clock, MINUTE[Kind.SMTP])
    async with smtp.mail_server(smtp.MailServer(window, users, frozenset({BOX})), folder) as server:

        def channel(secrets: Secrets | None = None, clock: Clock = clock) -> Channel:
            known = {"it": REFERENCE[Kind.SMTP]} if secrets is None else secrets
            where = MailServer(smtp.HOST, server.port, "notify@qianshao.example")
            return Smtp(where, known, clock, server.trust)

        endpoint = Endpoint("smtp:it", Kind.SMTP, BOX, "it")
        yield Rig(Kind.SMTP, channel, endpoint, clock, lambda: server.texts, lambda: window, mail=server)


def numbered(number: int) -> Parcel:
    """A parcel of its own key and title."""
    return replace(PARCEL, key=f"{PARCEL.key}:{number}", title=f"第 {number} 条")


def page(status: int, body: bytes = b"<html>", **headers: str) -> Reply:
    """What is no answer of the provider."""
    return Reply(status, body, {name.replace("_", "-"): value for name, value in headers.items()})


def code(number: int | str, field: str = "errcode", status: int = 200) -> Reply:
    """An answer with that code."""
    return Reply(status, json.dumps({field: number, "errmsg": "x", "msg": "x"}).encode())
