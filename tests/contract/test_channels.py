"""One contract for every way out of notify: the same cases over every channel, each against a provider that enforces its own
limits, sizes, signatures and codes."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from services.notify.channels import smtp as smtp_channel
from services.notify.channels.feishu import Feishu
from services.notify.channels.wecom import Wecom
from services.notify.domain.channel import Endpoint, Kind, Outcome, Refused, Retry, Sent, Unknown
from shared import outward
from shared.outward import Outward
from tests.support.channels import BOX, MINUTE, PARCEL, REFERENCE, Rig, code, numbered, page, rigged
from tests.support.fakes import feishu
from tests.support.fakes.wire import Clock, Straight, listening

OVER_HTTP = [kind for kind in Kind if kind is not Kind.SMTP]
SIGNED = {Kind.DINGTALK: 3600, Kind.FEISHU: 3600, Kind.WEBHOOK: 300, Kind.SMS: 900}
"""How many seconds a clock may be wrong."""

FORGED = {Kind.DINGTALK: "310000", Kind.FEISHU: "19021", Kind.WEBHOOK: "http_401", Kind.SMS: "SignatureDoesNotMatch"}


@pytest.fixture(params=list(Kind))
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    async with rigged(request.param, tmp_path) as made:
        yield made


@pytest.fixture(params=OVER_HTTP)
async def http(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    async with rigged(request.param, tmp_path) as made:
        yield made


async def send(rig: Rig, number: int | None = None) -> Outcome:
    return await rig.made().send(rig.endpoint, PARCEL if number is None else numbered(number))


async def test_what_is_sent_stands_there_whole(rig: Rig) -> None:
    assert isinstance(await send(rig), Sent)
    (text,) = rig.texts()
    assert "7K3M-9QXA" in text
    assert "南关街北口" in text
    if rig.kind is not Kind.SMS:  # whose words are its template's
        assert text.replace("**", "").startswith(PARCEL.title)
        assert PARCEL.text in text.replace("\r\n", "\n")
        assert PARCEL.link in text


async def test_urgent_goes_with_its_mentions(rig: Rig) -> None:
    assert isinstance(await rig.made().send(rig.endpoint, replace(PARCEL, urgency="urgent", mentions=("@all",))), Sent)
    assert len(rig.texts()) == 1


async def test_one_too_many_is_told_when_to_come_back_and_then_let_in(rig: Rig) -> None:
    for number in range(MINUTE[rig.kind]):
        assert isinstance(await send(rig, number), Sent)
    late = await send(rig, 999)
    assert isinstance(late, Retry)
    assert late.after > 0
    assert len(rig.texts()) == MINUTE[rig.kind]
    rig.clock.tick(late.after)
    assert isinstance(await send(rig, 999), Sent)
    assert len(rig.texts()) == MINUTE[rig.kind] + 1


async def test_dingtalk_asks_for_its_ten_minutes_and_means_them(tmp_path: Path) -> None:
    async with rigged(Kind.DINGTALK, tmp_path) as rig:
        for number in range(20):
            await send(rig, number)
        assert await send(rig, 20) == Retry("130101", 600)
        rig.clock.tick(599)
        assert await send(rig, 20) == Retry("130101", 600)
        rig.clock.tick(1)
        assert await send(rig, 20) == Sent("0")


async def test_feishu_bears_five_a_second_and_a_hundred_a_minute() -> None:
    clock, secret = Clock(), REFERENCE[Kind.FEISHU]
    robots = feishu.Feishu(clock, {secret["hook"]: secret["secret"]})
    channel = Feishu(Straight({"open.feishu.cn": robots}), {"it": secret}, clock)
    outcomes: list[Outcome] = []
    for number in range(101):
        outcomes.append(await channel.send(Endpoint("feishu:it", Kind.FEISHU, "", "it"), numbered(number)))
        clock.tick(0.25)
    assert outcomes == [Sent("0")] * 100 + [Retry("11232", 60)]


@pytest.mark.parametrize("kind", SIGNED)
async def test_a_wrong_secret_is_final(kind: Kind, tmp_path: Path) -> None:
    async with rigged(kind, tmp_path) as rig:
        wrong = {"it": {**REFERENCE[kind], list(REFERENCE[kind])[-1]: "x" * 32}}
        assert await rig.made(secrets=wrong).send(rig.endpoint, PARCEL) == Refused(FORGED[kind])
        assert rig.texts() == []


@pytest.mark.parametrize(
    ("kind", "name", "refused"),
    [
        (Kind.WECOM, "key", "93000"),
        (Kind.DINGTALK, "access_token", "300005"),
        (Kind.FEISHU, "hook", "19001"),
        (Kind.WEBHOOK, "key", "http_401"),
        (Kind.SMS, "access_key_id", "InvalidAccessKeyId.NotFound"),
        (Kind.SMTP, "password", "535"),
    ],
)
async def test_a_robot_that_does_not_exist_is_final(kind: Kind, name: str, refused: str, tmp_path: Path) -> None:
    async with rigged(kind, tmp_path) as rig:
        wrong = {"it": {**REFERENCE[kind], name: "nobody"}}
        assert await rig.made(secrets=wrong).send(rig.endpoint, PARCEL) == Refused(refused)


@pytest.mark.parametrize("kind", SIGNED)
async def test_the_time_is_signed(kind: Kind, tmp_path: Path) -> None:
    async with rigged(kind, tmp_path) as rig:
        for seconds, outcome in ((SIGNED[kind] - 5, Sent), (SIGNED[kind] + 5, Refused), (-SIGNED[kind] - 5, Refused)):
            wrong = Clock(rig.clock() - timedelta(seconds=seconds))
            assert isinstance(await rig.made(clock=wrong).send(rig.endpoint, PARCEL), outcome), seconds


@pytest.mark.parametrize(
    ("letter", "urgency"), [("险", "urgent"), ("险", "normal"), ('"', "urgent"), ("\n", "normal"), ("\\", "normal")]
)
async def test_too_long_a_text_is_cut_and_taken(rig: Rig, letter: str, urgency: str) -> None:
    text = "开头" + letter * 70_000 + "结尾"
    parcel = replace(PARCEL, text=text, urgency=urgency, parts={"code": "7K3M-9QXA", "place": text})
    assert isinstance(await rig.made().send(rig.endpoint, parcel), Sent)
    (read,) = rig.texts()
    assert "开头" in read
    if rig.kind is Kind.SMTP:
        assert "结尾" in read
    else:
        assert "…" in read
    if rig.kind is not Kind.SMS:
        assert PARCEL.link in read


async def test_without_its_secret_nothing_leaves(rig: Rig) -> None:
    outcome = await rig.made(secrets={}).send(rig.endpoint, PARCEL)
    assert outcome == Refused("530" if rig.kind is Kind.SMTP else "no_secret")
    assert rig.texts() == []
    assert rig.wire is None or rig.wire.requests == []


async def test_hung_up_on_after_it_was_said_nobody_knows(rig: Rig) -> None:
    if rig.wire is not None:
        rig.wire.fault = "reset"
    if rig.mail is not None:
        rig.mail.fault = "reset"
    assert await send(rig) == Unknown("no_answer")


async def test_no_answer_costs_its_time_and_nobody_knows(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outward, "SECONDS", 0.3)
    monkeypatch.setattr(smtp_channel, "WHOLE_SECONDS", 0.3)
    if rig.wire is not None:
        rig.wire.fault = "hang"
    if rig.mail is not None:
        rig.mail.fault = "hang"
        monkeypatch.setattr(smtp_channel, "SECONDS", 2.0)
    assert await send(rig) == Unknown("no_answer")


async def test_nobody_there_is_tried_again(rig: Rig) -> None:
    assert isinstance(await send(rig), Sent)
    rig.stop_listening()
    assert await send(rig) == Retry("no_connection")


async def test_a_mail_server_that_hangs_up_at_once_has_taken_nothing(tmp_path: Path) -> None:
    async with rigged(Kind.SMTP, tmp_path) as rig:
        assert rig.mail is not None
        rig.mail.fault = "greeting"
        assert await send(rig) == Retry("no_connection")


async def test_trouble_on_the_other_side_is_tried_again(http: Rig) -> None:
    assert http.wire is not None
    for status in (500, 502, 503):
        http.wire.fault = page(status, Retry_After="7")
        assert await send(http) == Retry(f"http_{status}", 7)


async def test_redirects_are_not_followed(http: Rig) -> None:
    assert http.wire is not None
    async with listening(http.wire.provider) as other:
        for status in (301, 302, 303, 307, 308):
            http.wire.fault = page(status, Location=f"http://provider.example:{other.port}/")
            assert await send(http) == Refused(f"http_{status}")
        assert (len(http.wire.requests), other.requests) == (5, [])


async def test_a_host_that_nobody_allowed_is_not_called(http: Rig) -> None:
    assert await http.made(hosts=("other.example",)).send(http.endpoint, PARCEL) == Refused("not_allowed")
    assert http.wire is not None
    assert http.wire.requests == []


async def test_an_answer_that_is_none_says_nothing(http: Rig) -> None:
    assert http.wire is not None
    http.wire.fault = page(200)
    assert await send(http) == (Sent("http_200") if http.kind is Kind.WEBHOOK else Unknown("unreadable"))


async def test_an_answer_without_end_is_not_read_to_it(http: Rig) -> None:
    assert http.wire is not None
    yes = b'{"errcode":0,"code":0,"Code":"OK","x":"' + b"x" * 3_000_000 + b'"}'
    http.wire.fault = page(200, yes)
    assert isinstance(await send(http), Sent if http.kind is Kind.WEBHOOK else Unknown)


@pytest.mark.parametrize(("answer", "outcome"), [
    (b"250 queued", Sent("250")), (b"451 later", Retry("451", 60)), (b"554 no", Refused("554")),
])  # fmt: skip
async def test_what_a_mail_server_says_is_what_happened(answer: bytes, outcome: Outcome, tmp_path: Path) -> None:
    async with rigged(Kind.SMTP, tmp_path) as rig:
        assert rig.mail is not None
        rig.mail.fault = answer
        assert await send(rig) == outcome


async def test_mail_is_never_said_in_the_open(tmp_path: Path) -> None:
    async with rigged(Kind.SMTP, tmp_path) as rig:
        assert rig.mail is not None
        rig.mail.fault = "plain"
        assert await send(rig) == Refused("not_supported")
        rig.mail.fault, rig.mail.trust = None, None  # a certificate that nobody signed
        assert await send(rig) == Refused("wrong_certificate")
        assert rig.texts() == []


async def test_a_mail_is_text_and_page_and_the_same_one_when_sent_again(tmp_path: Path) -> None:
    async with rigged(Kind.SMTP, tmp_path) as rig:
        assert rig.mail is not None
        parcel = replace(PARCEL, text="<b>.\n.\n", image=b"\x89PNGx")
        for _ in range(2):
            assert isinstance(await rig.made().send(rig.endpoint, parcel), Sent)
        first, second = rig.mail.said
        assert first["Message-ID"] == second["Message-ID"]
        assert (first["To"], first["From"], first["Subject"]) == (BOX, "notify@qianshao.example", PARCEL.title)
        page_part = first.get_body(("html",))
        assert page_part is not None
        assert "&lt;b&gt;." in page_part.get_content()
        assert [part.get_filename() for part in first.iter_attachments()] == ["photo.png"]


@pytest.mark.parametrize("address", ["", "zhang", "zhang@", "a@b\nBcc: c@d", "a@b, c@d"])
async def test_what_is_no_address_gets_no_mail(address: str, tmp_path: Path) -> None:
    async with rigged(Kind.SMTP, tmp_path) as rig:
        assert rig.mail is not None
        assert await rig.made().send(replace(rig.endpoint, address=address), PARCEL) == Refused("no_address")
        assert rig.mail.connections == 0


async def test_a_title_that_would_be_a_header_of_its_own_is_refused(tmp_path: Path) -> None:
    async with rigged(Kind.SMTP, tmp_path) as rig:
        assert await rig.made().send(rig.endpoint, replace(PARCEL, title="a\nBcc: c@d")) == Refused("no_address")


@pytest.mark.parametrize(("kind", "reply", "outcome"), [
    (Kind.WECOM, code(-1), Retry("-1")), (Kind.WECOM, code(45033), Retry("45033", 1)),
    (Kind.WECOM, code(93004), Refused("93004")), (Kind.DINGTALK, code(410100), Retry("410100", 600)),
    (Kind.DINGTALK, code(300001), Refused("300001")), (Kind.FEISHU, code(9499, "code", 400), Refused("9499")),
    (Kind.FEISHU, code(19024, "code"), Refused("19024")),
    (Kind.SMS, code("isp.SYSTEM_ERROR", "Code", 500), Retry("isp.SYSTEM_ERROR")),
    (Kind.SMS, code("Throttling.User", "Code", 400), Retry("Throttling.User", 60)),
    (Kind.SMS, code("isv.AMOUNT_NOT_ENOUGH", "Code"), Refused("isv.AMOUNT_NOT_ENOUGH")),
    (Kind.WEBHOOK, page(410), Refused("http_410")), (Kind.WEBHOOK, page(408), Retry("http_408")),
    (Kind.WEBHOOK, page(429), Retry("http_429", 60)), (Kind.WEBHOOK, page(413), Refused("http_413")),
])  # fmt: skip
async def test_codes_that_providers_have(kind: Kind, reply: object, outcome: Outcome, tmp_path: Path) -> None:
    async with rigged(kind, tmp_path) as rig:
        assert rig.wire is not None
        rig.wire.fault = reply  # type: ignore[assignment]
        assert await send(rig) == outcome


async def test_a_webhook_tried_again_is_one_message(tmp_path: Path) -> None:
    async with rigged(Kind.WEBHOOK, tmp_path) as rig:
        for _ in range(2):
            assert await send(rig) == Sent("http_204")
        assert len(rig.texts()) == 1


async def test_wecom_takes_a_picture_alone(tmp_path: Path) -> None:
    async with rigged(Kind.WECOM, tmp_path) as rig:
        channel = rig.made()
        assert await channel.send(rig.endpoint, replace(PARCEL, image=b"\xff\xd8" + b"x" * 2_000_000)) == Sent("0")
        assert await channel.send(rig.endpoint, replace(PARCEL, image=b"x" * 2_100_000)) == Refused("too_large")
        assert rig.texts() == [""]


@pytest.mark.parametrize("kind", [Kind.DINGTALK, Kind.FEISHU, Kind.WEBHOOK])
async def test_others_take_no_picture(kind: Kind, tmp_path: Path) -> None:
    async with rigged(kind, tmp_path) as rig:
        assert await rig.made().send(rig.endpoint, replace(PARCEL, image=b"x")) == Refused("no_images")


@pytest.mark.parametrize(
    ("changes", "refused"),
    [({"template": "unheard-of"}, "no_template"), ({"parts": {}}, "isv.TEMPLATE_MISSING_PARAMETERS")],
)
async def test_sms_without_its_template_or_a_place_of_it(
    changes: dict[str, object], refused: str, tmp_path: Path
) -> None:
    async with rigged(Kind.SMS, tmp_path) as rig:
        assert await rig.made().send(rig.endpoint, replace(PARCEL, **changes)) == Refused(refused)  # type: ignore[arg-type]
        assert await rig.made().send(replace(rig.endpoint, address="110"), PARCEL) == Refused("no_number")


async def test_in_production_our_own_network_is_not_called() -> None:
    async def private(host: str, port: int) -> list[str]:
        return ["10.0.0.7"]

    way = Outward(["qyapi.weixin.qq.com"], lookup=private)
    endpoint = Endpoint("wecom:it", Kind.WECOM, "", "it")
    assert await Wecom(way, {"it": REFERENCE[Kind.WECOM]}).send(endpoint, PARCEL) == Refused("not_allowed")
    await way.close()
