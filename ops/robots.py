"""Chat groups' robots and the other ways out of notify, seen from the operators' side: which there are, and one message to try."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.notify.channels.opening import ChannelSettings, open_channels
from services.notify.channels.secret import faults, read_secrets
from services.notify.domain.channel import Endpoint, Kind, Outcome, Parcel
from services.notify.ways import ReferenceWays
from shared.clock import Clock
from shared.ids import NewId, new_id
from shared.outward import Resolve, resolve
from shared.reference.reference import Reference

ADVICE: Mapping[str, tuple[str, str]] = {
    "no_secret": ("密钥文件里没有这个名字", "the file of secrets has no such name"),
    "not_allowed": ("主机未获准，或指向内网", "the host is not allowed, or leads into a private network"),
    "no_connection": ("连不上：出口、DNS、防火墙", "no connection: way out, DNS, firewall"),
    "no_answer": ("已发出但没有回音，可能已送达：先看群再重发", "sent, but no answer came: look into the group first"),
    "unreadable": (
        "回的不是平台的应答：地址错或中间有代理",
        "no answer of the platform: wrong address, or a proxy between",
    ),
    "no_template": ("该模板没有登记短信模板号", "no SMS template is set for this text"),
    "no_number": ("不是大陆手机号", "no mobile number of the mainland"),
    "no_address": ("不是邮箱地址，或标题含换行", "no mail address, or a line break in the title"),
    "not_supported": ("邮件服务器不支持 STARTTLS 或登录", "the mail server offers no STARTTLS or no login"),
    "wrong_certificate": ("邮件服务器的证书不可信", "the mail server's certificate is not trusted"),
    "535": ("邮箱用户名或授权码不对", "wrong mail user or password"),
    "550": ("没有这个收件人", "no such recipient"),
    "45009": ("企业微信：一分钟超过 20 条，稍后自动再发", "WeCom: more than 20 a minute; tried again"),
    "93000": ("企业微信：key 不对或机器人已删除", "WeCom: wrong key, or the robot was deleted"),
    "93004": ("企业微信：机器人被停用", "WeCom: the robot is disabled"),
    "93008": ("企业微信：机器人不在群里", "WeCom: the robot is not in the group"),
    "40058": ("企业微信：参数不合规或内容过长", "WeCom: a wrong or too long parameter"),
    "130101": ("钉钉：一分钟超过 20 条，停 10 分钟", "DingTalk: more than 20 a minute, off for 10 minutes"),
    "410100": ("钉钉：发送过快，停 10 分钟", "DingTalk: too fast, off for 10 minutes"),
    "310000": (
        "钉钉：签名、关键词或 IP 不符；核对 SEC 密钥与本机时间",
        "DingTalk: signature, keyword or IP; check the SEC secret and this machine's clock",
    ),
    "300005": ("钉钉：access_token 不存在", "DingTalk: no such access_token"),
    "11232": ("飞书：超过每分钟 100 条或每秒 5 条", "Feishu: more than 100 a minute or 5 a second"),
    "9499": ("飞书：请求不合规，或发送过快", "Feishu: a bad request, or too many"),
    "19001": ("飞书：hook 不对或机器人已删除", "Feishu: wrong hook, or the robot was deleted"),
    "19021": ("飞书：签名不符；核对密钥与本机时间", "Feishu: signature; check the secret and this machine's clock"),
    "19022": ("飞书：本机 IP 不在白名单", "Feishu: this machine's IP is not on the list"),
    "19024": ("飞书：缺少机器人设定的关键词", "Feishu: the robot asks for a keyword"),
    "SignatureDoesNotMatch": ("短信：AccessKey 的 secret 不对", "SMS: wrong secret of the access key"),
    "InvalidAccessKeyId.NotFound": ("短信：AccessKey 不存在", "SMS: no such access key"),
    "InvalidTimeStamp.Expired": ("短信：本机时间差了 15 分钟以上", "SMS: this machine's clock is off by 15 minutes"),
    "isv.BUSINESS_LIMIT_CONTROL": ("短信：该号码超过频次", "SMS: too many to this number"),
    "isv.SMS_SIGNATURE_ILLEGAL": ("短信：签名未通过审核", "SMS: the sender's name is not approved"),
    "isv.SMS_TEMPLATE_ILLEGAL": ("短信：模板未通过审核", "SMS: the template is not approved"),
    "isv.TEMPLATE_MISSING_PARAMETERS": ("短信：模板变量不全", "SMS: a place of the template is not filled"),
    "isv.AMOUNT_NOT_ENOUGH": ("短信：余额不足", "SMS: no money left"),
    "isv.OUT_OF_SERVICE": ("短信：业务停机（欠费）", "SMS: switched off for want of money"),
}
"""What to do about a code, in both languages; docs/channels.md says more."""


class CannotTry(Exception):
    """The text is for operators."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A robot of the reference data. `missing`: what it lacks, "" if nothing."""

    code: str
    channel: str
    audience: str
    missing: str


def listed(reference: Reference, settings: ChannelSettings) -> list[Listed]:
    """All robots, sorted by code. Raises `ValueError` naming what is wrong with the settings."""
    secrets, kinds = read_secrets(settings.secrets), settings.kinds
    found = {fault.partition(": ")[0]: fault.partition(": ")[2] for fault in faults(_robots(reference), secrets)}
    return [
        Listed(
            code,
            robot.channel,
            robot.audience,
            found.get(code, "") if Kind(robot.channel) in kinds else "switched off: QIANSHAO_NOTIFY_CHANNELS",
        )
        for code, robot in sorted(reference.robots.items())
    ]


def endpoint(reference: Reference, name: str) -> Endpoint:
    """A robot by its code, `smtp:<address>` or `sms:<number>`. Raises `CannotTry`."""
    kind, colon, address = name.partition(":")
    if colon and kind in (Kind.SMTP, Kind.SMS):
        return Endpoint(name, Kind(kind), address)
    for robot in _robots(reference):
        if robot.id == name:
            return robot
    raise CannotTry(f"{name}: 没有这个机器人 no such robot → qianshao notify ls")


def _robots(reference: Reference) -> list[Endpoint]:
    return ReferenceWays(reference, _Nobody()).endpoints()


class _Nobody:
    """Robots need nobody's address."""

    async def of(self, account: str) -> tuple[None, None, None]:
        return None, None, None


async def attempt(
    settings: ChannelSettings,
    endpoint: Endpoint,
    template: str,
    clock: Clock,
    new_id: NewId = new_id,
    *,
    development: bool = False,
    lookup: Resolve = resolve,
) -> Outcome:
    """One message through the channel itself. Raises `CannotTry` if it is switched off, `ValueError` if settings are wrong."""
    opened = open_channels(settings, clock, new_id, development=development, lookup=lookup)
    try:
        channel = opened.by_kind.get(endpoint.channel)
        if channel is None:
            raise CannotTry(f"QIANSHAO_NOTIFY_CHANNELS: 未启用 switched off: {endpoint.channel}")
        return await channel.send(endpoint, _parcel(new_id(), template))
    finally:
        await opened.close()


def _parcel(key: str, template: str) -> Parcel:
    return Parcel(
        key=f"try:{key}",
        title="前哨试发 Qianshao test",
        text="这是一条测试消息，请忽略。\nThis is a test; nothing happened.",
        template=template,
        parts={"code": "0000-0000", "place": "测试", "title": "测试"},
    )
