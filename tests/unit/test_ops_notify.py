"""`qianshao notify`: which robots there are, what they lack, and one message through the channel itself."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from ops import notify_command, robots
from ops.local.state import REPOSITORY
from ops.robots import ADVICE, CannotTry
from services.notify.channels import dingtalk, feishu, sms, wecom
from services.notify.channels.opening import ChannelSettings
from services.notify.domain.channel import Endpoint, Kind
from shared.clock import system_clock
from tests.support.fakes.wecom import PATH, Wecom
from tests.support.fakes.wire import Clock, Wire, listening
from tests.support.reference import copy_of_sample

KEY = "693a91f6-7xxx"
ROBOT = "  - {code: %s, channel: %s, audience: 'subdistrict:140302003', secret: %s, url: '%s'}\n"


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    async with listening(Wecom(system_clock, KEY)) as made:
        yield made


@pytest.fixture
def folder(tmp_path: Path, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Reference data with robots, and the environment of notify's worker."""
    sample = copy_of_sample(tmp_path / "reference")
    url = f"http://127.0.0.1:{wire.port}{PATH}"
    rows = [
        ROBOT % ("leads", "wecom", "one", url),
        ROBOT % ("bad", "wecom", "lost", url),
        ROBOT % ("gone", "feishu", "one", ""),
    ]
    (sample / "channels.yaml").write_text("robots:\n" + "".join(rows))
    secrets = tmp_path / "secrets.json"
    secrets.write_text(json.dumps({"one": {"key": KEY}}))
    settings = {"NOTIFY_SECRETS": str(secrets), "NOTIFY_HOSTS": f"127.0.0.1:{wire.port}", "NOTIFY_CHANNELS": "wecom"}
    for name, value in {**settings, "ENVIRONMENT": "development", "REFERENCE": str(sample)}.items():
        monkeypatch.setenv(f"QIANSHAO_{name}", value)
    return sample


async def called(*words: str) -> Any:
    """In a thread: the command has a loop of its own."""
    return await asyncio.to_thread(lambda: CliRunner().invoke(notify_command.app, list(words)))


async def test_a_message_is_sent_and_its_answer_shown(folder: Path, wire: Wire) -> None:
    answer = await called("try", "leads")
    assert (answer.exit_code, answer.stdout) == (0, "已送达平台 taken  0\n")
    assert b"Qianshao test" in wire.requests[0].body
    wire.provider = Wecom(system_clock, "another")
    answer = await called("try", "leads", "-o", "json")
    told: dict[str, Any] = json.loads(answer.stdout)
    assert (answer.exit_code, told["outcome"], told["code"]) == (1, "refused", "93000")
    assert "wrong key" in told["advice"]
    assert KEY not in answer.output


async def test_what_cannot_be_tried_is_said(folder: Path, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, reason in (("nobody", "no such robot"), ("gone", "switched off"), ("smtp:a@b.cn", "switched off")):
        answer = await called("try", name)
        assert (answer.exit_code, reason in answer.stderr) == (2, True), answer.stderr
    answer = await called("try", "bad")
    assert (answer.exit_code, "no_secret" in answer.stdout) == (1, True)
    monkeypatch.setenv("QIANSHAO_NOTIFY_CHANNELS", "smtp")
    answer = await called("try", "smtp:a@b.cn")
    assert (answer.exit_code, "QIANSHAO_NOTIFY_SMTP_HOST" in answer.stderr) == (2, True)
    monkeypatch.setenv("QIANSHAO_NOTIFY_SMTP_PORT", "many")
    answer = await called("ls")
    assert (answer.exit_code, "smtp_port" in answer.stderr) == (2, True)
    assert wire.requests == []


async def test_robots_are_listed_with_what_they_lack(folder: Path) -> None:
    answer = await called("ls", "-o", "json")
    lacks = {one["code"]: one["missing"] for one in json.loads(answer.stdout)}
    assert answer.exit_code == 1
    assert lacks["leads"] == ""
    assert "no secret named 'lost'" in lacks["bad"]
    assert "switched off" in lacks["gone"]
    text = await called("ls")
    assert "subdistrict:140302003" in text.stdout


async def test_without_robots_nothing_is_wrong(folder: Path) -> None:
    (folder / "channels.yaml").unlink()
    answer = await called("ls")
    assert (answer.exit_code, "no robots" in answer.stdout) == (0, True)


async def test_in_production_this_machine_is_no_host(folder: Path, wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QIANSHAO_ENVIRONMENT", "production")
    answer = await called("try", "leads")
    assert (answer.exit_code, "not_allowed" in answer.stdout, wire.requests) == (1, True, [])


async def test_a_channel_that_is_switched_off_is_not_tried() -> None:
    with pytest.raises(CannotTry, match="switched off"):
        await robots.attempt(ChannelSettings(channels=""), Endpoint("x", Kind.WECOM, ""), "danger", Clock())


def test_every_code_that_is_advised_on_or_tried_again_stands_in_the_document() -> None:
    document = (REPOSITORY / "docs/channels.md").read_text()
    codes = {code for one in (wecom, dingtalk, feishu) for code in one.CODES.later if code != "-1"}
    missing = [code for code in {*ADVICE, *codes, *sms.CODES.later} if f"`{code}`" not in document]
    assert missing == []


def test_every_setting_stands_in_the_document() -> None:
    document = (REPOSITORY / "docs/channels.md").read_text()
    missing = [name for name in ChannelSettings.model_fields if f"QIANSHAO_NOTIFY_{name.upper()}" not in document]
    assert missing == []
