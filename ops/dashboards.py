"""The Grafana dashboard, generated from the table below: `python -m ops.dashboards [--check]`.

Every metric in an expression must be one that a process really exports; a misspelt name would be an empty panel for ever.
"""

import json
import re
import sys
from dataclasses import dataclass
from typing import Any, cast

from prometheus_client import CollectorRegistry

from ops.local.state import REPOSITORY
from services.dispatch.department_metrics import ReaderMetrics, WebhookMetrics
from services.dispatch.metrics import DispatchMetrics
from services.intake import census
from services.intake.counting import ReportMetrics
from services.intake.metrics import AccountMetrics, ReviewMetrics
from services.notify.delivery_metrics import DeliveryMetrics
from services.points.activity_metrics import ActivityMetrics, WaitingMetrics
from services.points.ledger_metrics import LedgerMetrics
from services.points.prize_metrics import PrizeMetrics
from shared.clock import system_clock
from shared.kafka.agents import Consumer
from shared.metrics import Metrics
from shared.mongo.client import connect
from shared.mongo.forgetting import Forgetting
from shared.mongo.lane import Lane, Transactor
from shared.mongo.relay import Relay
from shared.mongo.retention import Retention
from shared.mongo.retry import RetryLoop
from shared.mongo.timers import Timer, Timers

FILE = REPOSITORY / "deploy/grafana/dashboards/qianshao.json"
UID = "qianshao"
DATASOURCE = {"type": "prometheus", "uid": "prometheus"}

_NAME = re.compile(r"\b(?:qianshao|process)_[a-z0-9_]+|\bup\b")
_SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "info": ("_info",)}
_FROM_PROMETHEUS = frozenset({"up"})
_COLUMNS = 24
_HEIGHT = 8


class UnknownMetric(ValueError):
    """A panel asks for what no process exports; the text names panel and metric."""


@dataclass(frozen=True, slots=True)
class Panel:
    """One graph. `unit` is Grafana's; `series` maps a legend to its PromQL."""

    title: str
    unit: str
    series: dict[str, str]


def _rate(metric: str, by: str, where: str = "") -> str:
    return f"sum by ({by}) (rate({metric}{{{where}}}[$__rate_interval]))"


def _quantile(share: float, by: str) -> str:
    rate = _rate("qianshao_http_request_seconds_bucket", f"le, {by}", 'route=~"/v.*"')
    return f"histogram_quantile({share}, {rate})"


# Whoever lost the relay's lease goes on showing what it saw last.
_ACTIVE = "and on (job, instance) qianshao_relay_active == 1"

ROWS: dict[str, tuple[Panel, ...]] = {
    "一条上报的路 · The way of a report": (
        Panel(
            "受理的上报 · Reports accepted",
            "reqps",
            {
                "受理 accepted": _rate(
                    "qianshao_http_request_seconds_count", "service", 'route="/v1/reports", method="POST", status="201"'
                )
            },
        ),
        Panel(
            "发件箱最老一行 · Age of the oldest outbox row",
            "s",
            {"{{service}}": f"max by (service) (qianshao_outbox_oldest_seconds {_ACTIVE})"},
        ),
        Panel(
            "等待发出的行 · Rows waiting",
            "short",
            {"{{service}}": f"max by (service) (qianshao_outbox_waiting_rows {_ACTIVE})"},
        ),
        Panel(
            "发出的事件 · Events published", "cps", {"{{service}}": _rate("qianshao_outbox_published_total", "service")}
        ),
        Panel(
            "消费结果 · What became of deliveries",
            "cps",
            {"{{service}} {{outcome}}": _rate("qianshao_consumer_deliveries_total", "service, outcome")},
        ),
        Panel(
            "扣住的键与未处理的死信 · Held keys, open dead letters",
            "short",
            {
                "{{service}} 扣住 held": "max by (service) (qianshao_held_keys)",
                "{{service}} 死信 dead": "max by (service) (qianshao_dead_letters_open)",
            },
        ),
    ),
    "上报与照片 · Reports and photos": (
        Panel(
            "上报结果 · Reports by outcome",
            "short",
            {"{{outcome}}": "sum by (outcome) (increase(qianshao_intake_reports_total[1h]))"},
        ),
        Panel(
            "上报类别 · Reports by tile",
            "short",
            {
                "{{tile}}": "sum by (tile) "
                '(increase(qianshao_intake_reports_total{outcome=~"opened|joined|broken_again"}[1h]))'
            },
        ),
        Panel(
            "照片结果 · Photos by outcome",
            "short",
            {"{{outcome}}": "sum by (outcome) (increase(qianshao_intake_photos_total[1h]))"},
        ),
        Panel(
            "照片处理用时（中位、九成半） · Photo pipeline, p50 and p95",
            "s",
            {
                label: f"histogram_quantile({share}, {_rate('qianshao_intake_photo_seconds_bucket', 'le')})"
                for label, share in (("p50", 0.5), ("p95", 0.95))
            },
        ),
        Panel(
            "等待的上报 · Reports that wait",
            "short",
            {"{{what}}": "max by (what) (qianshao_intake_waiting_reports)"},
        ),
    ),
    "停下的部分 · What has stopped": (
        Panel(
            "熔断 · Breaker open",
            "short",
            {"{{service}} {{topic}}": "max by (service, topic) (qianshao_consumer_breaker_open)"},
        ),
        Panel(
            "被扣住的键 · Keys parked in the outbox",
            "short",
            {"{{service}}": f"max by (service) (qianshao_outbox_parked_keys {_ACTIVE})"},
        ),
        Panel(
            "持有租约的发件进程 · Relays that hold the lease",
            "short",
            {"{{service}}": "sum by (service) (qianshao_relay_active)"},
        ),
        Panel(
            "重做的轮次 · Rounds repeated, database away",
            "cps",
            {"{{service}} {{topic}}": _rate("qianshao_consumer_transient_total", "service, topic")},
        ),
    ),
    "部门 · Departments": (
        Panel(
            "告知部门的消息 · Messages to departments",
            "short",
            {
                "{{department}} {{kind}}": "sum by (department, kind) "
                "(increase(qianshao_dispatch_department_told_total[1h]))"
            },
        ),
        Panel(
            "部门的更新 · Updates from departments",
            "short",
            {
                "{{department}} {{outcome}}": "sum by (department, outcome) "
                "(increase(qianshao_dispatch_department_updates_total[1h]))"
            },
        ),
        Panel(
            "无人读的消息 · Messages no group of the department has read",
            "short",
            {"{{department}}": "max by (department) (qianshao_dispatch_department_unread_messages)"},
        ),
        Panel(
            "最老未读 · Age of the oldest of them",
            "s",
            {"{{department}}": "max by (department) (qianshao_dispatch_department_unread_seconds)"},
        ),
        Panel(
            "回调送达 · Webhook attempts",
            "cps",
            {"{{department}} {{outcome}}": _rate("qianshao_dispatch_webhook_attempts_total", "department, outcome")},
        ),
        Panel(
            "等待回调的消息 · Messages a webhook has not taken",
            "short",
            {"{{department}}": "max by (department) (qianshao_dispatch_webhook_waiting_deliveries)"},
        ),
        Panel(
            "最老未达 · Age of the oldest of them",
            "s",
            {"{{department}}": "max by (department) (qianshao_dispatch_webhook_oldest_seconds)"},
        ),
    ),
    "通知 · Notices": (
        Panel(
            "送达结果 · Deliveries by outcome",
            "cps",
            {"{{channel}} {{state}}": _rate("qianshao_notify_deliveries_total", "channel, state")},
        ),
        Panel(
            "通道调用 · Calls of channels",
            "cps",
            {"{{channel}} {{outcome}}": _rate("qianshao_notify_channel_calls_total", "channel, outcome")},
        ),
        Panel(
            "待送 · Waiting deliveries",
            "short",
            {"{{channel}} {{urgency}}": "max by (channel, urgency) (qianshao_notify_waiting_deliveries)"},
        ),
        Panel(
            "最老待送 · Age of the oldest of them",
            "s",
            {"{{channel}} {{urgency}}": "max by (channel, urgency) (qianshao_notify_oldest_waiting_seconds)"},
        ),
        Panel(
            "熔断与限流 · Lines that rest or are full",
            "short",
            {
                "熔断 resting": "sum(qianshao_notify_resting_lines)",
                "限流 full": "sum(qianshao_notify_full_lines)",
            },
        ),
    ),
    "接口 · HTTP": (
        Panel(
            "请求 · Requests",
            "reqps",
            {"{{service}} {{status}}": _rate("qianshao_http_request_seconds_count", "service, status")},
        ),
        Panel(
            "中位延迟 · Latency p50",
            "s",
            {"{{service}} {{method}} {{route}}": _quantile(0.5, "service, method, route")},
        ),
        Panel(
            "尾部延迟 · Latency p99",
            "s",
            {"{{service}} {{method}} {{route}}": _quantile(0.99, "service, method, route")},
        ),
        Panel(
            "处理中 · In flight",
            "short",
            {"{{service}} {{entry}}": "sum by (service, entry) (qianshao_http_in_flight)"},
        ),
        Panel(
            "拒绝的原因 · Refusals by reason",
            "cps",
            {"{{service}} {{code}}": _rate("qianshao_problems_total", "service, code")},
        ),
    ),
    "提交通道 · Commit lane": (
        Panel(
            "命令 · Commands", "cps", {"{{service}} {{entry}}": _rate("qianshao_lane_commands_total", "service, entry")}
        ),
        Panel(
            "每批命令数 · Commands per transaction",
            "short",
            {
                "{{service}} {{entry}}": f"{_rate('qianshao_lane_commands_total', 'service, entry')} / "
                f"{_rate('qianshao_lane_batches_total', 'service, entry')}"
            },
        ),
        Panel(
            "重来与拆分 · Done again and split",
            "cps",
            {
                "争用 contended {{service}} {{entry}}": _rate("qianshao_lane_contended_total", "service, entry"),
                "数据库不在 away {{service}} {{entry}}": _rate("qianshao_lane_transient_total", "service, entry"),
                "拆分 split {{service}} {{entry}}": _rate("qianshao_lane_split_total", "service, entry"),
            },
        ),
    ),
    "工单与时限 · Orders and their time": (
        Panel(
            "未办结的派单 · Open orders",
            "short",
            {"{{department}} {{class}}": "max by (department, class) (qianshao_dispatch_open_orders)"},
        ),
        Panel(
            "超时的派单 · Overdue orders",
            "short",
            {"{{department}} {{class}}": "max by (department, class) (qianshao_dispatch_overdue_orders)"},
        ),
        Panel("升级 · Escalations", "cps", {"{{level}}": _rate("qianshao_dispatch_escalations_total", "level")}),
        Panel(
            "接单用时（九成） · Time to accept, p90",
            "s",
            {
                "{{department}} {{class}}": "histogram_quantile(0.9, sum by (le, department, class) "
                "(increase(qianshao_dispatch_accept_seconds_bucket[1d])))"
            },
        ),
        Panel(
            "办结用时（九成） · Time to fix, p90",
            "s",
            {
                "{{department}} {{class}}": "histogram_quantile(0.9, sum by (le, department, class) "
                "(increase(qianshao_dispatch_fix_seconds_bucket[7d])))"
            },
        ),
        Panel(
            "待确认的时限与滞留分诊 · Unconfirmed deadlines, left in triage",
            "short",
            {
                "待确认 unconfirmed": "sum(max by (department, class) (qianshao_dispatch_unconfirmed_orders))",
                "{{why}}": "max by (why) (qianshao_dispatch_triage_incidents)",
            },
        ),
    ),
    "奖品与兑换 · Prizes and redemptions": (
        Panel("该补货的奖品 · Prizes to supply", "short", {"{{home}}": "max by (home) (qianshao_points_low_prizes)"}),
        Panel(
            "兑换 · Redemptions",
            "short",
            {
                "{{state}}": "max by (state) (qianshao_points_redemptions)",
                "超时未退 overdue": "max(qianshao_points_overdue_reservations)",
            },
        ),
        Panel(
            "未兑付积分 · Open liability",
            "short",
            {"{{home}}": "max by (home) (qianshao_points_liability_points)"},
        ),
        Panel(
            "已兑付积分 · Points redeemed",
            "short",
            {"{{home}}": "max by (home) (qianshao_points_redeemed_points)"},
        ),
    ),
    "活动 · Activities": (
        Panel(
            "待审批的活动 · Activities waiting",
            "short",
            {"{{kind}}": "max by (kind) (qianshao_points_activities_waiting)"},
        ),
        Panel(
            "最久的等待 · The oldest of them",
            "s",
            {"{{kind}}": "max by (kind) (qianshao_points_activities_oldest_seconds)"},
        ),
        Panel(
            "审批结果 · Decisions",
            "short",
            {"{{kind}} {{outcome}}": "sum by (kind, outcome) (increase(qianshao_points_activities_decided_total[1d]))"},
        ),
        Panel(
            "签到 · Check-ins",
            "short",
            {"{{outcome}}": "sum by (outcome) (increase(qianshao_points_checkins_total[1h]))"},
        ),
    ),
    "积分账 · The ledger": (
        Panel(
            "全部账户之和（须为 0） · Sum of all accounts, must be 0",
            "short",
            {"{{layer}}": "max by (layer) (abs(qianshao_points_ledger_sum_points))"},
        ),
        Panel(
            "存折与不符的存折 · Passbooks, and those that differ",
            "short",
            {
                "存折 compared": "max(qianshao_points_compared_passbooks)",
                "不符 differing": "max(qianshao_points_differing_passbooks)",
            },
        ),
        Panel(
            "距上次核对 · Since the last comparison",
            "s",
            {"": "time() - max(qianshao_points_ledger_compared_timestamp_seconds)"},
        ),
    ),
    "人与数据 · People and data": (
        Panel("登录 · Logins", "cps", {"{{way}} {{outcome}}": _rate("qianshao_intake_logins_total", "way, outcome")}),
        Panel("续期 · Refreshes", "cps", {"{{outcome}}": _rate("qianshao_intake_session_refreshes_total", "outcome")}),
        Panel(
            "复核 · Reviews",
            "short",
            {
                "{{flag}}": "sum by (flag) (increase(qianshao_intake_report_flags_total[1h]))",
                "{{verdict}}": "sum by (verdict) (increase(qianshao_intake_review_verdicts_total[1h]))",
                "未检查 unexamined": "sum(increase(qianshao_intake_reports_unexamined_total[1h]))",
            },
        ),
        Panel(
            "限量 · Limits",
            "short",
            {
                "拒收 refused {{what}}": "sum by (what) (increase(qianshao_intake_limit_refusals_total[1h]))",
                "未计数 uncounted {{what}}": "sum by (what) (increase(qianshao_intake_limit_uncounted_total[1h]))",
            },
        ),
        Panel(
            "名单行 · Rows of rosters",
            "short",
            {"{{what}}": "sum by (what) (increase(qianshao_intake_roster_rows_total[1h]))"},
        ),
        Panel(
            "遗忘中的人 · People being forgotten",
            "short",
            {
                "{{service}}": "max by (service) (qianshao_forgetting_people)",
                "{{service}} 超期 overdue": "max by (service) (qianshao_forgetting_overdue_people)",
            },
        ),
        Panel(
            "改名或清除的文档 · Documents renamed or removed",
            "cps",
            {"{{service}}": _rate("qianshao_forgetting_documents_total", "service")},
        ),
        Panel(
            "到期删除 · Removed by age",
            "short",
            {"{{service}} {{noun}}": "sum by (service, noun) (increase(qianshao_retention_removed_total[1d]))"},
        ),
        Panel(
            "超过保留期 · Kept beyond its time",
            "s",
            {"{{service}} {{noun}}": "max by (service, noun) (qianshao_retention_overdue_seconds)"},
        ),
        Panel(
            "到点处理 · Woken by time",
            "cps",
            {
                "{{service}} {{of}}": _rate("qianshao_timers_woken_total", "service, of"),
                "失败 failed {{service}} {{of}}": _rate("qianshao_timers_failed_total", "service, of"),
            },
        ),
        Panel(
            "到点滞后 · Timers late",
            "s",
            {"{{service}} {{of}}": "max by (service, of) (qianshao_timers_late_seconds)"},
        ),
    ),
    "进程 · Processes": (
        Panel("应答 · Up", "short", {"{{service}} {{entry}}": 'min by (service, entry) (up{job="qianshao"})'}),
        Panel(
            "内存 · Resident memory",
            "bytes",
            {"{{service}} {{entry}} {{instance}}": 'process_resident_memory_bytes{job="qianshao"}'},
        ),
        Panel(
            "处理器 · CPU",
            "percentunit",
            {"{{service}} {{entry}} {{instance}}": 'rate(process_cpu_seconds_total{job="qianshao"}[$__rate_interval])'},
        ),
        Panel(
            "参考数据版本 · Version of the reference data",
            "short",
            {"{{reference}}": "count by (reference) (qianshao_process_info)"},
        ),
    ),
}
"""Rows by title; of each panel the Chinese title comes first."""


def exported(registry: CollectorRegistry) -> set[str]:
    """Names of all series that a scrape of `registry` can hold, also of those that have no value yet."""
    return {
        family.name + suffix for family in registry.collect() for suffix in _SUFFIXES.get(family.type, ("",))
    } | _FROM_PROMETHEUS


def worker_registry() -> CollectorRegistry:
    """All that our processes export, as if one were intake's api and a worker. Nothing connects to anything."""
    metrics = Metrics("service", "worker", "reference")
    lane = Lane(cast(Transactor, None))
    database = connect("mongodb://127.0.0.1/", "dashboards")["dashboards"]  # a client connects when first used
    metrics.watch_lane(lane)
    consumer = Consumer("topic", "service", cast(Any, None), lane, system_clock, lambda _: None)
    relay = Relay(database, cast(Any, None), cast(Any, None), system_clock)
    metrics.watch_worker(relay, [consumer], RetryLoop(database, lane, "service", {}))
    metrics.watch_forgetting(Forgetting(database, lane, cast(Any, None), "service", cast(Any, None), system_clock))
    metrics.watch_retention(Retention(cast(Any, None), database, cast(Any, None), (), system_clock))
    metrics.watch_timers(Timers(database, lane, cast(Any, None), [Timer("of", cast(Any, None))]))
    AccountMetrics(metrics.registry)
    DispatchMetrics(metrics.registry)
    ReaderMetrics(metrics.registry)
    WebhookMetrics(metrics.registry)
    DeliveryMetrics(metrics.registry)
    ReviewMetrics(metrics.registry)
    ReportMetrics(metrics.registry)
    census.WaitingMetrics(metrics.registry)
    PrizeMetrics(metrics.registry)
    ActivityMetrics(metrics.registry)
    WaitingMetrics(metrics.registry)
    LedgerMetrics(metrics.registry)
    return metrics.registry


def dashboard(known: set[str]) -> dict[str, Any]:
    """Grafana's model. Raises `UnknownMetric`."""
    panels: list[dict[str, Any]] = []
    top = 0
    for title, row in ROWS.items():
        panels.append(_row(title, len(panels) + 1, top))
        width = _COLUMNS // min(len(row), 3)
        for index, panel in enumerate(row):
            _check(panel, known)
            line, column = divmod(index, _COLUMNS // width)
            place = {"x": column * width, "y": top + 1 + line * _HEIGHT, "w": width, "h": _HEIGHT}
            panels.append(_graph(panel, len(panels) + 1, place))
        top = panels[-1]["gridPos"]["y"] + _HEIGHT
    return {
        "uid": UID,
        "title": "前哨 · Qianshao",
        "tags": ["qianshao"],
        "editable": False,
        "schemaVersion": 39,
        "refresh": "15s",
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": []},
        "annotations": {"list": []},
        "panels": panels,
    }


def _check(panel: Panel, known: set[str]) -> None:
    for name in (name for expr in panel.series.values() for name in _NAME.findall(expr)):
        if name not in known:
            raise UnknownMetric(f"{panel.title}: no process exports {name}")


def _row(title: str, number: int, top: int) -> dict[str, Any]:
    place = {"x": 0, "y": top, "w": _COLUMNS, "h": 1}
    return {"id": number, "type": "row", "title": title, "collapsed": False, "gridPos": place, "panels": []}


def _graph(panel: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    return {
        "id": number,
        "type": "timeseries",
        "title": panel.title,
        "datasource": DATASOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "options": {
            "tooltip": {"mode": "multi", "sort": "desc"},
            "legend": {"displayMode": "list", "placement": "bottom"},
        },
        "targets": [
            {"refId": chr(ord("A") + index), "datasource": DATASOURCE, "expr": expr, "legendFormat": legend}
            for index, (legend, expr) in enumerate(panel.series.items())
        ],
    }


def rendered() -> str:
    """The file's content. Raises `UnknownMetric`."""
    return json.dumps(dashboard(exported(worker_registry())), ensure_ascii=False, indent=2) + "\n"


def main(argv: list[str]) -> int:
    """Write the file, or with `--check` say whether it is fresh (exit status 1 if not)."""
    text = rendered()
    if argv == ["--check"]:
        fresh = FILE.exists() and FILE.read_text(encoding="utf-8") == text
        print("fresh" if fresh else f"{FILE.relative_to(REPOSITORY)} is stale: python -m ops.dashboards")
        return 0 if fresh else 1
    FILE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
