"""From drawings to the two files of each sub-district, with the names that are there already."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import shapely
import yaml
from shapely.geometry import mapping

from ops.reference.features import Drawing
from shared.reference import places
from shared.reference.files import Fault, parse
from shared.reference.places import MicroGridsFile, Place, SubDistrict


@dataclass(frozen=True, slots=True)
class Known:
    """What the directory has already: sub-districts and the nodes of their trees, by code."""

    subdistricts: Mapping[str, SubDistrict]
    nodes: Mapping[str, Place]


def known(files: Mapping[str, bytes]) -> Known:
    """Out of the files of a directory; what cannot be read is not known (and is about to be replaced)."""
    found: dict[str, SubDistrict] = {}
    nodes: dict[str, Place] = {}
    for name, raw in files.items():
        subdistrict = parse(name, raw, SubDistrict, []) if name.startswith("subdistrict-") else None
        geojson = name.replace(".yaml", ".geojson")
        if subdistrict is not None and geojson in files:
            found[subdistrict.code] = subdistrict
            drawn = parse(geojson, files[geojson], MicroGridsFile, [])
            nodes |= {place.code: place for place in places.tree(subdistrict, drawn)} if drawn else {}
    return Known(found, nodes)


def files(name: str, drawings: Sequence[Drawing], before: Known, zone: str, faults: list[Fault]) -> dict[str, bytes]:
    """Bytes by file name. Names, groups, zone and centre stay as they were where the drawings do not tell them; `zone` is
    for a new sub-district. A known basic grid without a micro-grid is a fault.
    """
    made: dict[str, bytes] = {}
    for code in sorted({one.code[:9] for one in drawings}):
        own = {one.code: one for one in drawings if one.code.startswith(code)}
        faults += [
            Fault(name, f"({node})", "is in the tree, but no micro-grid of it is drawn")
            for node in _lost(code, before, own)
        ]
        old, stem = before.subdistricts.get(code), f"subdistrict-{code}"
        made[f"{stem}.yaml"] = _tree(code, own, before, old, zone, name).encode()
        made[f"{stem}.geojson"] = _geojson(own, before).encode()
    return made


def _lost(code: str, before: Known, own: Mapping[str, Drawing]) -> Iterator[str]:
    drawn = {code[:15] for code in own if len(code) == 17}
    return (node for node in before.nodes if node.startswith(code) and len(node) == 15 and node not in drawn)


def _tree(code: str, own: Mapping[str, Drawing], before: Known, old: SubDistrict | None, zone: str, source: str) -> str:
    grids = sorted({one.code[:15] for one in own.values() if one.kind == "residential"})
    communities = [
        {
            **_node(community, own, before),
            "basic_grids": [_node(grid, own, before) for grid in grids if grid[:12] == community],
        }
        for community in sorted({grid[:12] for grid in grids})
    ]
    plain = _node(code, own, before)
    if old and old.synthetic:
        plain["synthetic"] = True
    centre = _centre([one for one in own.values() if one.kind == "residential"], old)
    plain |= {"zone": old.zone if old else zone, "centre": centre, "communities": communities}
    head = f"# Written by `qianshao reference import-grid` from {source}. Names may be edited: the next import keeps them.\n"
    return head + yaml.safe_dump(plain, allow_unicode=True, sort_keys=False, width=120, default_flow_style=None)


def _node(code: str, own: Mapping[str, Drawing], before: Known) -> dict[str, Any]:
    """Its names and groups: as drawn, else as they were, else by its number and as every such node has them."""
    told = [one for one in (own.get(code), before.nodes.get(code)) if one is not None]
    zh, en = _numbered(code)
    usual = {12: (f"community-{code}", f"officers-{code}"), 17: (f"unit-{code}",)}.get(len(code), ())
    groups = next((one.groups for one in told if one.groups), usual)
    plain: dict[str, Any] = {
        "code": code,
        "zh": next((one.zh for one in told if one.zh), zh),
        "en": next((one.en for one in told if one.en), en),
    }
    return {**plain, "groups": list(groups)} if groups else plain


def _numbered(code: str) -> tuple[str, str]:
    """What a node is called that nobody has named."""
    number = int(code[15:] or code[12:] or code[9:] or 0)
    return {
        9: (f"街道{code}", f"Sub-district {code}"),
        12: (f"{code[9:]}社区", f"Community {number}"),
        15: (f"第{number}网格", f"Grid {number}"),
        17: (f"第{number}微网格", f"Micro-grid {number}"),
    }[len(code)]


def _centre(tiles: Iterable[Drawing], old: SubDistrict | None) -> dict[str, float]:
    area = shapely.union_all([one.polygon for one in tiles])
    if old and area.envelope.contains(shapely.Point(old.centre.lng, old.centre.lat)):
        return {"lng": old.centre.lng, "lat": old.centre.lat}
    point = area.representative_point()
    return {"lng": round(point.x, 6), "lat": round(point.y, 6)}


def _geojson(own: Mapping[str, Drawing], before: Known) -> str:
    """One feature a line, so that a changed border is a changed line."""
    features = [_feature(one, own, before) for code, one in sorted(own.items()) if len(code) == 17]
    lines = ",\n".join(json.dumps(feature, ensure_ascii=False, separators=(",", ":")) for feature in features)
    return f'{{"type":"FeatureCollection","features":[\n{lines}\n]}}\n'


def _feature(one: Drawing, own: Mapping[str, Drawing], before: Known) -> dict[str, Any]:
    geometry = None if one.polygon is None else mapping(one.polygon)
    return {"type": "Feature", "properties": {"kind": one.kind, **_node(one.code, own, before)}, "geometry": geometry}
