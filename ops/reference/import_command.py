"""`qianshao reference import-workbook | import-grid`: what offices already have, into a reference directory."""

import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, NoReturn, get_args

import typer
from rich.console import Console
from rich.markup import escape

from ops import output
from ops.output import Format, Output
from ops.reference import features, fields, import_grid, import_workbook, proof, showing, workbook, writing
from shared.geo.crs import Crs
from shared.reference.categories import CategoriesFile
from shared.reference.departments import DepartmentsFile
from shared.reference.files import Fault, Model, parse, read

CATEGORIES, DEPARTMENTS = "categories.yaml", "departments.yaml"
MAX_GEOJSON_BYTES = 100_000_000

Into = Annotated[Path, typer.Option(help="folder of reference data")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="只检查与预览 write nothing")]


def workbook_(
    file: Annotated[Path, typer.Argument(help="标准工作簿 .xlsx, sheets 部件 and 事件")],
    into: Into,
    dry_run: DryRun = False,
    scheme: Annotated[str, typer.Option(help="whose codes these are")] = "gb30428",
    output_: Output = Format.TEXT,
) -> None:
    """导入标准工作簿 · Categories and limits. Exit status 1: bad rows, each named, and nothing was written."""
    have = read(_folder(into))
    faults: list[Fault] = []
    departments = _existing(DEPARTMENTS, DepartmentsFile, have, faults)
    if departments is None and not faults:
        faults.append(Fault(DEPARTMENTS, "", "missing: the workbook's departments must be known first"))
    before = _existing(CATEGORIES, CategoriesFile, have, faults)
    rows = workbook.read(file, faults)
    merged = None
    if departments and not (before is None and CATEGORIES in have):
        # Also after bad rows: what is wrong with the good ones is worth knowing at once.
        merged, wrong = import_workbook.merge(file.name, scheme, rows, before, departments)
        faults += wrong
    if faults or merged is None:
        _refuse(file, faults, output_)
    made = {CATEGORIES: import_workbook.as_yaml(merged, file.name).encode()}
    changed = list(fields.compare(_by_code(before), _by_code(merged)))
    life = import_workbook.maybe_life_safety(before, merged)
    left = _finish(file, into, made, output_, dry_run)
    if output_ is Format.JSON:
        told = {"written": not dry_run, "rows": len(rows), "changes": changed, "maybe_class_e": life, "remaining": left}
        typer.echo(output.as_json(told))
        return
    console = Console(highlight=False)
    heads = ("编号 code", "", "字段 field", "原 before", "新 after")
    showing.table(console, heads, [tuple(map(str, line)) for line in changed])
    for condition in life:
        text = f"[yellow]是否危及生命 class E?[/yellow]  {escape(condition)}: then set class and repair by hand"
        console.print(text, soft_wrap=True)
    _say(console, f"{len(rows)} 行 rows, {len(changed)} 处变化 changes", into, left, dry_run)


def grid(
    file: Annotated[Path, typer.Argument(help="GeoJSON, codes of 9, 12, 15 or 17 digits in `properties.code`")],
    into: Into,
    crs: Annotated[str, typer.Option(help=f"what the coordinates are in: {', '.join(get_args(Crs))}; never guessed")],
    dry_run: DryRun = False,
    expect: Annotated[
        str | None,
        typer.Option(help="counts that must come out, e.g. 1/9/50/321: sub-districts/communities/grids/micro-grids"),
    ] = None,
    allow_gaps: Annotated[bool, typer.Option("--allow-gaps", help="holes are meant, such as an enclave")] = False,
    zone: Annotated[str, typer.Option(help="of a new sub-district")] = "Asia/Shanghai",
    output_: Output = Format.TEXT,
) -> None:
    """导入网格图 · Micro-grids, with proof. Exit status 1: faults, each named, and nothing was written."""
    expected = _expected(expect)
    if crs not in get_args(Crs):
        raise output.cannot(f"--crs {crs}: 须为 must be one of {', '.join(get_args(Crs))}")
    try:
        if file.stat().st_size > MAX_GEOJSON_BYTES:
            raise output.cannot(f"{file}: larger than {MAX_GEOJSON_BYTES:,} bytes")
        raw = file.read_bytes()
    except OSError as error:
        raise output.cannot(str(error)) from None
    have, faults = read(_folder(into)), list[Fault]()
    drawings = features.read(file.name, raw, crs, faults)  # type: ignore[arg-type]  # checked above
    proved = proof.prove(file.name, drawings, expected, faults, gaps=allow_gaps)
    if not faults and not proved.counts["micro_grids"]:
        faults.append(Fault(file.name, "features", "no micro-grid (a code of 17 digits) is drawn"))
    made = import_grid.files(file.name, drawings, import_grid.known(have), zone, faults) if not faults else {}
    if faults:
        _refuse(file, faults, output_)
    left = _finish(file, into, made, output_, dry_run)
    if output_ is Format.JSON:
        typer.echo(
            output.as_json({"written": not dry_run, "proof": asdict(proved), "files": list(made), "remaining": left})
        )
        return
    console = Console(highlight=False)
    showing.table(console, ("证明 proof", "", ""), _proof(proved, crs))
    _say(console, ", ".join(made), into, left, dry_run)


def _proof(proved: proof.Proof, crs: str) -> list[tuple[str, ...]]:
    counts = proved.counts
    return [
        ("街道", "sub-districts", str(counts["subdistricts"])),
        ("社区", "communities", str(counts["communities"])),
        ("基础网格", "basic grids", str(counts["basic_grids"])),
        ("微网格", "micro-grids", str(counts["micro_grids"])),
        ("功能微网格", "functional micro-grids", str(proved.overlays)),
        ("面积", "area", f"{proved.area_m2:,.0f} m2 / {proved.parts}"),
        ("重叠", "overlaps", f"{proved.overlap_m2:.0f} m2"),
        ("空隙", "gaps", f"{proved.gap_m2:.0f} m2"),
        ("越出上级", "outside the parent", f"{proved.outside_m2:.0f} m2"),
        ("坐标换算", f"{crs} → wgs84, moved by up to", f"{proved.shift_m:.1f} m"),
    ]


def _expected(text: str | None) -> Mapping[str, int]:
    if text is None:
        return {}
    if not re.fullmatch(r"\d+(/\d+){3}", text):
        raise output.cannot(f"--expect {text}: 例如 such as 1/9/50/321")
    return dict(zip(features.LEVELS.values(), map(int, text.split("/")), strict=True))


def _folder(directory: Path) -> Path:
    if not directory.is_dir():
        raise output.cannot(f"{directory}: 不是目录 is not a directory; make it first")
    return directory


def _existing(name: str, model: type[Model], have: Mapping[str, bytes], faults: list[Fault]) -> Model | None:
    return parse(name, have[name], model, faults) if name in have else None


def _by_code(file: CategoriesFile | None) -> fields.Items:
    return {":".join(category.key): fields.flat(category) for category in (file.categories if file else ())}


def _refuse(file: Path, faults: list[Fault], format_: Format) -> NoReturn:
    showing.faults(file, faults, format_)
    raise typer.Exit(output.WRONG)


def _finish(file: Path, into: Path, made: Mapping[str, bytes], format_: Format, dry_run: bool) -> list[str]:
    """Write, unless one of the files itself would be refused. Returns what the rest of the directory still lacks."""
    before, found = writing.faults_with(into, {}), writing.faults_with(into, made)
    # A grid over another sub-district's may be told as a fault of that other file.
    own = [f for f in found if f.file in made or (f.file.startswith("subdistrict-") and f not in before)]
    if own:
        _refuse(file, own, format_)
    if not dry_run:
        try:
            writing.write(into, made)
        except OSError as error:
            raise output.cannot(str(error)) from None
    return [str(fault) for fault in found]


def _say(console: Console, what: str, into: Path, left: list[str], dry_run: bool) -> None:
    for fault in left:
        console.print(f"[yellow]目录尚缺 still to do[/yellow]  {escape(fault)}", soft_wrap=True)
    done = "仅试运行 dry run, nothing was written" if dry_run else f"已写入 written to {into}"
    console.print(f"{escape(what)}  {escape(done)}", soft_wrap=True)
