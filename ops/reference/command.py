"""`qianshao reference`: is a directory sound, what would another one change, and what offices already have as files."""

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ops import output
from ops.output import Format, Output
from ops.reference import explain_command, import_command, showing
from ops.reference.changes import NOWHERE, Changes, changes
from ops.reference.notes import notes
from shared.clock import system_clock
from shared.reference.files import ReferenceInvalid
from shared.reference.load import load
from shared.reference.reference import Reference

app = typer.Typer(no_args_is_help=True, help="参考数据 · Reference data")


@app.command()
def check(
    directory: Annotated[Path, typer.Argument(envvar="QIANSHAO_REFERENCE", help="folder of reference data")],
    output_: Output = Format.TEXT,
) -> None:
    """检查目录 · Every fault with file, place and reason. Exit status 1: a process would not start with it."""
    reference = _load(directory, output_, output.WRONG)
    told = notes(reference, system_clock().date())
    if output_ is Format.JSON:
        plain = {"sound": True, "version": reference.version, "counts": _counts(reference), "faults": [], "notes": told}
        typer.echo(output.as_json(plain))
    else:
        _show_sound(reference, told, Console(highlight=False))


@app.command()
def diff(
    old: Annotated[Path, typer.Argument(help="folder that decides now")],
    new: Annotated[Path, typer.Argument(help="folder that would decide")],
    output_: Output = Format.TEXT,
) -> None:
    """比较两个目录 · What a change would do. Exit status 1: there are differences, 2: one of them is not sound."""
    found = changes(_load(old, output_, output.CANNOT), _load(new, output_, output.CANNOT))
    if output_ is Format.JSON:
        typer.echo(output.as_json(asdict(found)))
    else:
        _show_changes(found, Console(highlight=False))
    raise typer.Exit(output.WRONG if found.any else output.FINE)


app.command("explain")(explain_command.explain_)
app.command("import-workbook")(import_command.workbook_)
app.command("import-grid")(import_command.grid)


def _load(directory: Path, output_: Format, status: int) -> Reference:
    """Raises `typer.Exit` with `status` after saying what is wrong."""
    if not directory.is_dir():
        raise output.cannot(f"{directory}: 不是目录 is not a directory")
    try:
        return load(directory)
    except ReferenceInvalid as refusal:
        showing.faults(directory, refusal.faults, output_)
        raise typer.Exit(status) from None


def _counts(reference: Reference) -> dict[str, Any]:
    micro = Counter(place.kind for place in reference.places.values() if place.kind)
    levels = Counter(len(place.code) for place in reference.places.values() if not place.kind)
    return {
        "subdistricts": levels[9],
        "communities": levels[12],
        "basic_grids": levels[15],
        "micro_grids": micro["residential"],
        "overlays": sum(micro.values()) - micro["residential"],
        "groups": len(reference.groups),
        "departments": len(reference.departments),
        "categories": len(reference.categories),
        "conditions": sum(len(category.conditions) for category in reference.categories.values()),
        "rules": len(reference.rules),
        "cases": len(reference.cases),
        "calendars": sorted(reference.calendar.years),
        "homes": len(reference.homes),
        "prizes": len(reference.prizes),
        "squads": len(reference.squads),
    }


_ZH = {
    "subdistricts": "街道", "communities": "社区", "basic_grids": "基础网格", "micro_grids": "微网格",
    "overlays": "功能微网格", "groups": "群组", "departments": "部门", "categories": "类别", "conditions": "立案条件",
    "rules": "派单规则", "cases": "规则用例", "calendars": "日历", "homes": "微网格员之家", "prizes": "奖品",
    "squads": "小队", "schemes": "分类标准", "tiles": "入口", "points": "积分", "places": "网格树",
    "partners": "合作平台", "teams": "志愿队", "robots": "群机器人", "quiet": "静默时段",
}  # fmt: skip


def _show_sound(reference: Reference, told: list[str], console: Console) -> None:
    table = Table("", "", "", box=SIMPLE, show_header=False)
    for name, count in _counts(reference).items():
        table.add_row(_ZH[name], name.replace("_", " "), str(count))
    console.print(table)
    for note in told:
        console.print(f"[yellow]提示 note[/yellow]  {escape(note)}", soft_wrap=True)
    console.print(f"[green]可用 sound[/green]  版本 version {reference.version}", soft_wrap=True)


def _show_changes(found: Changes, console: Console) -> None:
    console.print(f"{found.before[:12]} → {found.after[:12]}")
    showing.table(
        console,
        ("部分 part", "编号 code", "字段 field", "原 before", "新 after"),
        [(f"{_ZH[c.part]} {c.part}", c.code, c.field or c.what, c.before, c.after) for c in found.data],
    )
    showing.table(
        console,
        ("原微网格 from", "新微网格 to", "面积 m2"),
        [(moved.before, moved.after, f"{moved.m2:,}") for moved in found.ground],
    )
    showing.table(
        console,
        ("派单变化 route", "条件 condition", "地点 place", "原 before", "新 after"),
        [
            (
                r.category,
                r.condition or "",
                f"用例 case {r.place or NOWHERE}" if r.case else f"{r.grids} 微网格 grids",
                r.before,
                r.after,
            )
            for r in found.routes
        ],
    )
    ground = sum(moved.m2 for moved in found.ground)
    console.print(
        f"{len(found.data)} 处数据 data, {ground:,} m2 换网格 moved, {len(found.routes)} 处派单 routes"
        if found.any
        else "无差异 no difference"
    )
