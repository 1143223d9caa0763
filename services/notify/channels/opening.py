"""From settings to channels, by hand."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.notify.channels.answers import Way
from services.notify.channels.dingtalk import Dingtalk
from services.notify.channels.feishu import Feishu
from services.notify.channels.secret import FIELDS, Secrets, read_secrets
from services.notify.channels.sms import SECRET as SMS_SECRET
from services.notify.channels.sms import Registered, Sms
from services.notify.channels.smtp import MailServer, Smtp
from services.notify.channels.webhook import Webhook
from services.notify.channels.wecom import Wecom
from services.notify.domain.channel import Kind
from services.notify.ports import Channel
from shared.clock import Clock
from shared.ids import NewId
from shared.outward import Outward, Resolve, resolve

PROVIDERS = "qyapi.weixin.qq.com,oapi.dingtalk.com,open.feishu.cn,dysmsapi.aliyuncs.com"


class ChannelSettings(BaseSettings):
    """`QIANSHAO_NOTIFY_…` of notify's worker and of `qianshao notify try`. All have a default: then robots alone are on."""

    model_config = SettingsConfigDict(env_prefix="QIANSHAO_NOTIFY_", frozen=True, extra="ignore")

    channels: str = Field(
        default="wecom,dingtalk,feishu,webhook",
        description="what is switched on, with commas: wecom, dingtalk, feishu, webhook, smtp, sms; empty: the inbox alone",
    )
    secrets: Path | None = Field(default=None, description="JSON file, secrets by name: docs/channels.md")
    hosts: str = Field(
        default=PROVIDERS,
        description="hosts that may be called, with commas; host:port for other ports. Replaces the providers' own",
    )
    smtp_host: str = ""
    smtp_port: int = Field(default=587, ge=1, le=65535)
    smtp_sender: str = Field(default="", description="the address that mail comes from")
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    sms_sign_name: str = Field(default="", description="the sender's name as registered: 短信签名")
    sms_templates: dict[str, str] = Field(default={}, description='JSON, by our template: {"danger": "SMS_1234567"}')

    @property
    def kinds(self) -> frozenset[Kind]:
        """What is switched on. Raises `ValueError` naming the variable."""
        names = [name.strip() for name in self.channels.split(",") if name.strip()]
        unknown = sorted(set(names) - set(Kind))
        if unknown:
            raise ValueError(f"QIANSHAO_NOTIFY_CHANNELS: no such channel: {', '.join(unknown)}")
        return frozenset(Kind(name) for name in names)


@dataclass(frozen=True, slots=True)
class Channels:
    """`by_kind` holds what is switched on. `close` disconnects."""

    by_kind: Mapping[Kind, Channel]
    secrets: Secrets
    close: Callable[[], Coroutine[Any, Any, None]]


def open_channels(
    settings: ChannelSettings, clock: Clock, new_id: NewId, *, development: bool = False, lookup: Resolve = resolve
) -> Channels:
    """The channels that are switched on. `development` lets plain http, plain SMTP and our own network in.

    Raises `ValueError` naming the variable or the file that is missing or wrong.
    """
    hosts = [host.strip() for host in settings.hosts.split(",") if host.strip()]
    secrets = read_secrets(settings.secrets)
    out = Outward(hosts, development=development, lookup=lookup)
    made = channels(settings, out, secrets, clock, new_id, development=development)
    return Channels(made, secrets, out.close)


def channels(
    settings: ChannelSettings, way: Way, secrets: Secrets, clock: Clock, new_id: NewId, *, development: bool = False
) -> dict[Kind, Channel]:
    """See `open_channels`, with a way out of one's own."""
    makers: Mapping[Kind, Callable[[], Channel]] = {
        Kind.WECOM: lambda: Wecom(way, secrets),
        Kind.DINGTALK: lambda: Dingtalk(way, secrets, clock),
        Kind.FEISHU: lambda: Feishu(way, secrets, clock),
        Kind.WEBHOOK: lambda: Webhook(way, secrets, clock),
        Kind.SMTP: lambda: Smtp(_mail_server(settings, development), secrets, clock),
        Kind.SMS: lambda: Sms(way, secrets, _registered(settings, secrets), clock, new_id),
    }
    return {kind: makers[kind]() for kind in Kind if kind in settings.kinds}


def _mail_server(settings: ChannelSettings, development: bool) -> MailServer:
    for name, value in (("HOST", settings.smtp_host), ("SENDER", settings.smtp_sender)):
        if not value:
            raise ValueError(f"QIANSHAO_NOTIFY_SMTP_{name}: needed, since smtp is switched on")
    if settings.smtp_security == "none" and not development:
        raise ValueError("QIANSHAO_NOTIFY_SMTP_SECURITY: none is for development alone")
    return MailServer(settings.smtp_host, settings.smtp_port, settings.smtp_sender, settings.smtp_security)


def _registered(settings: ChannelSettings, secrets: Secrets) -> Registered:
    if not settings.sms_sign_name or not settings.sms_templates:
        raise ValueError("QIANSHAO_NOTIFY_SMS_SIGN_NAME, …_SMS_TEMPLATES: needed, since sms is switched on")
    if set(secrets.get(SMS_SECRET, ())) != set(FIELDS[Kind.SMS]):
        raise ValueError(f"QIANSHAO_NOTIFY_SECRETS: a secret {SMS_SECRET!r} is needed, since sms is switched on")
    return Registered(settings.sms_sign_name, settings.sms_templates)
