"""One incident on one sheet, to hand over to another house such as 12345: what, where, since when, who acts. It names nobody."""

from collections.abc import Iterable
from html import escape

from services.dispatch.case_rows import address_of, cell, reported_at
from services.dispatch.domain.incident import Incident
from services.dispatch.ports import Names

_STATES = {
    "reported": "已上报",
    "triaged": "待派单",
    "needs_info": "待补充",
    "dispatched": "已派单",
    "in_progress": "处置中",
    "temporary_safe": "已临时排险",
    "parked": "挂账",
    "resolved": "已处置",
    "closed": "已结案",
    "duplicate": "重复",
    "rejected": "不予受理",
    "closed_no_action": "不处置结案",
}

_STYLE = "body{font:14px sans-serif;max-width:180mm;margin:10mm auto}table{border-collapse:collapse;width:100%}"
_CELLS = "th,td{border:1px solid #333;padding:2mm;text-align:left;vertical-align:top}th{width:35mm}"


def lines_of(incident: Incident, names: Names) -> list[tuple[str, str]]:
    """The sheet as pairs of a head and what stands there; times by the clock on the wall."""
    zone = names.zone(incident.subdistrict)
    kind = names.category(incident.category, incident.condition)
    point, foreign = incident.place["wgs84"], incident.foreign
    return [
        ("编号", incident.code),
        ("转往", foreign.to if foreign else ""),
        ("对方编号", foreign.number if foreign else ""),
        ("对方时限", cell(foreign.deadline, zone) if foreign else ""),
        ("问题类型", kind.type),
        ("大类名称", kind.main_class),
        ("小类名称", kind.category),
        ("立案条件", kind.condition),
        ("问题描述", incident.text),
        ("地址描述", address_of(incident)),
        ("经纬度 (WGS-84)", f"{point['lng']}, {point['lat']}"),
        ("所属街道", names.place(incident.subdistrict)),
        ("所属社区", names.place(incident.community) if incident.community else ""),
        ("上报时间", cell(reported_at(incident), zone)),
        ("上报人数", str(len(incident.reporters))),
        ("照片", str(len(incident.photo_ids))),
        ("当前状态", _STATES[incident.state]),
        *_orders(incident, names),
    ]


def _orders(incident: Incident, names: Names) -> Iterable[tuple[str, str]]:
    zone = names.zone(incident.subdistrict)
    for order in incident.orders:
        done = f"，{cell(order.done_at, zone)} 办结" if order.done_at else ""
        when = f"{cell(order.offered_at, zone)} 派遣，{cell(order.due_at, zone)} 截止{done}"
        yield f"工单 {order.id.rpartition('.')[2]}", f"{names.department(order.department)}：{when}"


def as_html(incident: Incident, names: Names) -> str:
    """The sheet as a page to print; it loads nothing and runs nothing."""
    rows = "\n".join(
        f"<tr><th>{escape(head)}</th><td>{escape(text)}</td></tr>" for head, text in lines_of(incident, names)
    )
    return (
        f'<!doctype html>\n<html lang="zh-CN"><head><meta charset="utf-8"><title>{escape(incident.code)}</title>'
        f"<style>{_STYLE}{_CELLS}</style></head>\n<body><h1>移交单</h1>\n<table>\n{rows}\n</table></body></html>\n"
    )
