"""The proof slip of a report: when, where, which code. For the rider's platform, which asks what he stopped for."""

from base64 import b64encode
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from html import escape
from zoneinfo import ZoneInfo

from services.intake.domain.report import Place, Report
from services.intake.ports import Rules
from shared.geo.grid import GridPath

_STYLE = "body{font:16px/1.6 sans-serif;max-width:32em;margin:2em auto;padding:0 1em}dt{color:#555}dd{margin:0 0 .8em}"


@dataclass(frozen=True, slots=True)
class Slip:
    """Times are of the sub-district: `captured_at` by the phone, `received_at` by the server. `category`: zh, en."""

    code: str
    category: tuple[str, str]
    grid: str | None
    address: str | None
    captured_at: datetime
    received_at: datetime


def slip_of(report: Report, category: tuple[str, str], zone: ZoneInfo) -> Slip:
    """What proves the report as it was sent: the place where it was reported, though staff may have moved it since."""
    place = report.reported_place or report.place
    captured, received = report.captured_at.astimezone(zone), report.received_at.astimezone(zone)
    return Slip(report.code, category, grid_label(place), place.address, captured, received)


def grid_label(place: Place) -> str | None:
    """As signs show it (`003-05-02`), None where the place is uncertain."""
    return None if place.grid is None else GridPath.of(place.grid.micro_grid).label


def category_names(report: Report, rules: Rules) -> tuple[str, str]:
    """zh and en, or the bare code of a category that reference data has dropped since."""
    rule = rules.category(report.category["scheme"], report.category["code"])
    return (rule.zh, rule.en) if rule else (report.category["code"], report.category["code"])


def slip_page(slip: Slip) -> str:
    """A page without script, zh-CN first."""
    rows = (
        ("案件编号 / Case", slip.code),
        ("类别 / Category", " / ".join(slip.category)),
        ("发现时间（手机）/ Seen, by the phone", _time(slip.captured_at)),
        ("收到时间（服务器）/ Received, by the server", _time(slip.received_at)),
        ("微网格 / Micro-grid", slip.grid or "待核实 / to be found"),
        ("地址 / Address", slip.address or "-"),
    )
    listed = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in rows)
    title = "上报凭证 / Proof of report"
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title>'
    body = f"<h1>{title}</h1><dl>{listed}</dl>"
    return f'<!doctype html><html lang="zh-CN"><head>{head}<style>{_STYLE}</style></head><body>{body}</body></html>'


def page_headers() -> dict[str, str]:
    """Nothing runs, nothing is loaded, nobody frames it; one style, known by its digest."""
    digest = b64encode(sha256(_STYLE.encode()).digest()).decode()
    rules = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return {
        "Content-Security-Policy": f"{rules}; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} (UTC{at:%z})"
