"""What leaves the house: signatures against values from elsewhere, texts that fit, words that cannot mention or link, settings."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.channels import dingtalk, feishu, sms, wecom
from services.notify.channels.opening import ChannelSettings, channels, open_channels
from services.notify.channels.secret import faults, read_secrets
from services.notify.channels.wording import cut_quoted, harmless, marked
from services.notify.domain.channel import Endpoint, Kind, Parcel
from services.notify.domain.cutting import cut, size, split
from shared.ids import new_id
from shared.signed import signature
from tests.support.channels import PARCEL, REFERENCE
from tests.support.fakes.wire import Clock, Straight

DOCUMENTED = "this is secret"
"""The secret of DingTalk's own example."""

AT = datetime(2025, 11, 25, 1, 40, tzinfo=UTC)
STAMP = "1764034800"

# Made by OpenSSL from the documented formulas:
#   printf '1573000000000\nthis is secret' | openssl dgst -sha256 -hmac 'this is secret' -binary | base64
#   printf '' | openssl dgst -sha256 -mac HMAC -macopt hexkey:$(printf '1764034800\nthis is secret' | xxd -p) -binary | base64
#   printf '1764034800.{"a":1}' | openssl dgst -sha256 -hmac 0123456789abcdef0123456789abcdef
DINGTALK = "gU3KSHrV8HWTYm0FmvMCe7fuEuNkkwBOnjyMw9F9dkI="
FEISHU = "Zh4td5SwXDVDKlMBfaIRqR/z8K8Ia+1qk1+Nf+osWQE="
WEBHOOK = "5c420e605f6cfd08f2c6e90978482a67d3b720f1e72eaa8b80a759ac3b0970d7"

ALIYUN = {
    "AccessKeyId": "testId",
    "Timestamp": "2017-07-12T02:42:19Z",
    "Format": "XML",
    "SignatureMethod": "HMAC-SHA1",
    "SignatureVersion": "1.0",
    "SignatureNonce": "45e25e9b-0a6f-4070-8c85-2956eda1b466",
    "Action": "SendSms",
    "Version": "2017-05-25",
    "RegionId": "cn-hangzhou",
    "PhoneNumbers": "15300000001",
    "SignName": "阿里云短信测试专用",
    "TemplateParam": '{"customer":"test"}',
    "TemplateCode": "SMS_71390007",
    "OutId": "123",
}
"""The example of Aliyun's documentation, secret `testSecret`."""


def test_dingtalk_signs_time_and_secret_with_the_secret() -> None:
    assert dingtalk.sign("1573000000000", DOCUMENTED) == DINGTALK
    assert dingtalk.milliseconds(AT) == STAMP + "000"


def test_feishu_signs_nothing_with_time_and_secret() -> None:
    assert feishu.sign(STAMP, DOCUMENTED) == FEISHU
    assert feishu.seconds(AT) == STAMP


def test_aliyun_signs_as_its_documentation_shows() -> None:
    assert sms.sign("GET", ALIYUN, "testSecret") == "zJDF+Lrzhj/ThnlvIToysFRq6t4="
    assert sms.zulu(datetime(2017, 7, 12, 2, 42, 19, tzinfo=UTC)) == ALIYUN["Timestamp"]


def test_webhooks_are_signed_with_their_time() -> None:
    secret = "0123456789abcdef" * 2
    assert signature("2026", secret, AT, b'{"a":1}') == f"t={STAMP},k=2026,v1={WEBHOOK}"


@given(st.text(), st.integers(3, 60))
def test_a_cut_text_fits_and_begins_as_it_did(text: str, most: int) -> None:
    short = cut(text, most)
    assert size(short) <= most
    assert short == text if size(text) <= most else short.endswith("…") and text.startswith(short[:-1])


def test_a_cut_goes_between_characters() -> None:
    assert [cut("险情险情", most) for most in (12, 11, 9, 8, 3)] == ["险情险情", "险情…", "险情…", "险…", "…"]
    assert cut("险情", None) == "险情"
    assert cut("👩\u200d👧 x", 10) == "👩…"


@given(st.text(), st.integers(4, 60))
def test_parts_fit_and_together_are_the_text(text: str, most: int) -> None:
    parts = split(text, most)
    assert all(size(part) <= most for part in parts)
    assert "".join(parts).replace("\n", "") == text.replace("\n", "")


def test_a_digest_is_split_between_its_lines() -> None:
    assert split("一\n二\n三\n四", 8) == ("一\n二", "三\n四")
    assert split("一二三\n四", 6) == ("一二", "三", "四")


@given(st.text(), st.integers(3, 40))
def test_what_is_cut_for_json_fits_as_json(text: str, most: int) -> None:
    short = cut_quoted(text, most)
    assert size(json.dumps(short, ensure_ascii=False)) - 2 <= most
    assert short == text or (short.endswith("…") and text.startswith(short[:-1]))


def test_an_address_that_somebody_typed_is_only_text() -> None:
    typed = '<@all> [免费](http://evil) ![](http://evil/x.png) **急** <font color="red">'
    text = marked(replace(PARCEL, text=typed), 4096)
    assert re.findall(r"\[[^]]*\]\([^)]*\)", text) == [f"[查看详情]({PARCEL.link})"]
    assert not re.search("[<>]", text)
    assert harmless("南关街 5-3 号（北口）") == "南关街 5-3 号（北口）"


def test_feishu_marks_its_mentions_and_nothing_else_is_one() -> None:
    parcel = replace(PARCEL, text='<at user_id="all"></at>', mentions=("@all", "ou_1"))
    endpoint = Endpoint("feishu:x", Kind.FEISHU, "")
    (words,) = feishu.message(endpoint, parcel)["content"]["post"].values()
    tags = [(part["tag"], part.get("user_id")) for line in words["content"] for part in line]
    assert tags == [("text", None), ("a", None), ("at", "all"), ("at", "ou_1")]


def test_mentions_in_the_words_of_each_group_chat() -> None:
    parcel, endpoint = replace(PARCEL, mentions=("@all", "zhang")), Endpoint("x", Kind.WECOM, "")
    assert wecom.message(endpoint, parcel)["text"]["mentioned_list"] == ["@all", "zhang"]
    assert dingtalk.message(endpoint, parcel)["at"] == {"atUserIds": ["zhang"], "isAtAll": True}
    assert wecom.message(endpoint, PARCEL)["msgtype"] == dingtalk.message(endpoint, PARCEL)["msgtype"] == "markdown"
    assert wecom.message(endpoint, replace(PARCEL, urgency="urgent"))["msgtype"] == "text"


def test_english_is_called_english() -> None:
    parcel, endpoint = replace(PARCEL, language="en"), Endpoint("x", Kind.FEISHU, "")
    assert "[Details](" in marked(parcel, 4096)
    assert list(feishu.message(endpoint, parcel)["content"]["post"]) == ["en_us"]


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("", "JSON"),
        ("[]", "object"),
        ('{"a": "text"}', "a: must be an object"),
        ('{"a": {"key": ""}}', "a: must be an object"),
        ('{"a": {"token": "hush-hush"}}', "a: must hold exactly one of: key; access_token"),
    ],
)
def test_a_file_of_secrets_that_cannot_be_used_is_named_and_not_shown(tmp_path: Path, content: str, named: str) -> None:
    file = tmp_path / "secrets.json"
    file.write_text(content)
    with pytest.raises(ValueError, match=re.escape(str(file))) as caught:
        read_secrets(file)
    assert named in str(caught.value)
    assert "hush" not in str(caught.value)


def test_secrets_are_read_and_what_is_missing_is_told(tmp_path: Path) -> None:
    file = tmp_path / "secrets.json"
    file.write_text(json.dumps({kind: REFERENCE[kind] for kind in Kind} | {"short": {"key": "k", "secret": "s"}}))
    secrets = read_secrets(file)
    assert (read_secrets(None), secrets["wecom"]) == ({}, REFERENCE[Kind.WECOM])
    assert faults([Endpoint(f"{kind}:x", kind, "", kind) for kind in Kind], secrets) == []
    wrong = [
        Endpoint("a", Kind.WECOM, ""),
        Endpoint("b", Kind.DINGTALK, "", "wecom"),
        Endpoint("c", Kind.WEBHOOK, "", "short"),
        Endpoint("d", Kind.SMTP, "x@y.cn"),
    ]
    assert faults(wrong, secrets) == [
        "a: no secret named ''",
        "b: the secret 'wecom' must hold access_token + secret",
        "c: the secret 'short' has fewer than 16 characters",
    ]


def test_what_is_switched_on_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(_made(ChannelSettings())) == {Kind.WECOM, Kind.DINGTALK, Kind.FEISHU, Kind.WEBHOOK}
    assert set(_made(ChannelSettings(channels=" wecom , feishu"))) == {Kind.WECOM, Kind.FEISHU}
    assert _made(ChannelSettings(channels="")) == {}
    monkeypatch.setenv("QIANSHAO_NOTIFY_CHANNELS", "dingtalk")
    assert set(_made(ChannelSettings())) == {Kind.DINGTALK}


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"channels": "telegram"}, "QIANSHAO_NOTIFY_CHANNELS: no such channel: telegram"),
        ({"channels": "smtp"}, "QIANSHAO_NOTIFY_SMTP_HOST"),
        ({"channels": "smtp", "smtp_host": "mail.example"}, "QIANSHAO_NOTIFY_SMTP_SENDER"),
        (
            {"channels": "smtp", "smtp_host": "m", "smtp_sender": "a@b.cn", "smtp_security": "none"},
            "QIANSHAO_NOTIFY_SMTP_SECURITY",
        ),
        ({"channels": "sms"}, "QIANSHAO_NOTIFY_SMS_SIGN_NAME"),
        ({"channels": "sms", "sms_sign_name": "前哨", "sms_templates": {"danger": "SMS_1"}}, "QIANSHAO_NOTIFY_SECRETS"),
    ],
)
def test_what_is_switched_on_and_not_set_up_is_named(settings: dict[str, object], named: str) -> None:
    with pytest.raises(ValueError, match=re.escape(named)):
        _made(ChannelSettings.model_validate(settings))


def _made(settings: ChannelSettings) -> dict[Kind, object]:
    return dict(channels(settings, Straight({}), {}, Clock(), new_id))


async def test_channels_are_opened_and_closed(tmp_path: Path) -> None:
    opened = open_channels(ChannelSettings(), Clock(), new_id)
    outcome = await opened.by_kind[Kind.WECOM].send(Endpoint("x", Kind.WECOM, ""), Parcel("k", "t", "t"))
    assert outcome.code == "no_secret"
    await opened.close()
