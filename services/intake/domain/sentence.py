"""What a desk pastes back into the chat group, and what a proof slip says of the place: no word of people."""

from dataclasses import dataclass

from services.intake.domain.report import Report


@dataclass(frozen=True, slots=True)
class Sentence:
    """The same in both languages, zh-CN first."""

    zh: str
    en: str


def sentence(report: Report, category: tuple[str, str], place: str | None) -> Sentence:
    """Code, category (zh, en), `place` as signs show its micro-grid (None: uncertain), and what happens next."""
    next_zh, next_en = _next(report)
    return Sentence(
        f"已收到，编号 {report.code}：{category[0]}，{_place_zh(place)}。{next_zh}",
        f"Received as {report.code}: {category[1]}, {_place_en(place)}. {next_en}",
    )


def _next(report: Report) -> tuple[str, str]:
    if not report.told:
        return "收到照片后即转派处置。", "It goes to the department as soon as its photos have come."
    if report.place.grid is None:
        return "位置待社区核实，核实后转派处置。", "The community will find the place, then send it to a department."
    if "self_fixed" in report.flags:
        return (
            "感谢随手排除，社区核实后办结。",
            "Thank you for putting it right; the community will check and close it.",
        )
    return "已转交处置，进展请凭编号查询。", "It is on its way to a department; ask for it by its code."


def _place_zh(place: str | None) -> str:
    return "位置待核实" if place is None else f"微网格 {place}"


def _place_en(place: str | None) -> str:
    return "place to be found" if place is None else f"micro-grid {place}"
