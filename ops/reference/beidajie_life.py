"""SYNTHETIC homes, prizes, teams and squads of the sample sub-district, one home and one squad a community."""

from collections.abc import Iterator, Sequence

from ops.reference.tiling import Box, bend
from shared.reference.homes import BASICS, HAVES

NUMERALS = "一二三四五六七八九"
TEAM = "taobei"
BUDGET = 600
"""Points a month that a home may promise, assumed: one point is worth about one yuan."""

# code, zh, en, price in points, pieces at each home: together within the budget; so few are low; one rider's limit a month.
PRIZES = (
    ("towel", "毛巾", "Towel", 5, 20, 5, 4),
    ("gloves", "骑行手套", "Riding gloves", 12, 8, 2, 2),
    ("detergent", "洗衣液", "Detergent", 15, 8, 2, 2),
    ("umbrella", "雨伞", "Umbrella", 20, 5, 1, 1),
    ("flask", "保温杯", "Flask", 30, 4, 1, 1),
    ("helmet", "骑行头盔", "Riding helmet", 60, 1, 0, 1),
)
# The X of 1+7+X: every home has the first and two of the others.
INDIVIDUAL = (
    ("insurance", "大病医疗保险代办", "medical insurance enrolment"),
    ("summer-supplies", "防暑物资", "summer supplies"),
    ("festival-money", "节日慰问金", "festival money"),
    ("gifts", "生日与节日礼物", "gifts"),
)

Tile = tuple[str, Box]


def homes(label: str, tiles: Sequence[Tile]) -> str:
    """The file of homes, each in the middle of a micro-grid of its community."""
    lines = [f"# {label}", "# Budgets are assumed: whole points a month, one point is worth about one yuan.", "homes:"]
    for number, community in enumerate(communities(tiles), 1):
        boxes = [box for code, box in tiles if code.startswith(community)]
        lines += _home(number, community, boxes[len(boxes) // 2])
    return "\n".join(lines) + "\n"


def _home(number: int, community: str, box: Box) -> Iterator[str]:
    lng, lat = bend((box.x0 + box.x1) // 2, (box.y0 + box.y1) // 2)
    others = INDIVIDUAL[1:]
    offered = (INDIVIDUAL[0], others[number % 3], others[(number + 1) % 3])
    yield f"  - code: home-{community}"
    yield f'    community: "{community}"'
    yield f"    zh: 示例{NUMERALS[number - 1]}社区微网格员之家"
    yield f"    en: Micro-grid officers' home of sample community {number}"
    yield f"    place: {{lng: {lng}, lat: {lat}}}"
    yield '    hours: "08:00-20:00"'
    yield f"    haves: [{', '.join(HAVES)}]"
    yield f"    basics: [{', '.join(BASICS)}]"
    yield "    individual:"
    for code, zh, en in offered:
        yield f"      - {{code: {code}, zh: {zh}, en: {en}}}"
    yield f"    budget: {BUDGET}"
    yield f"    sponsors: [{{zh: 示例爱心商户{NUMERALS[number - 1]}, en: Sample sponsor {number}}}]"


def prizes(label: str, tiles: Sequence[Tile]) -> str:
    """The file of prizes, the same stock at every home."""
    lines = [f"# {label}", "# Prices in points and stock are assumed; stock is what a home begins with.", "prizes:"]
    for code, zh, en, points, pieces, low, limit in PRIZES:
        lines += [f"  - code: {code}", f"    zh: {zh}", f"    en: {en}", f"    points: {points}"]
        lines += [f"    low: {low}", f"    limit_month: {limit}", "    stock:"]
        lines += [f"      home-{community}: {pieces}" for community in communities(tiles)]
    return "\n".join(lines) + "\n"


def squads(label: str, tiles: Sequence[Tile], subdistrict: str) -> str:
    """The file of partners, the volunteer team and its squads."""
    lines = [f"# {label}", "partners:"]
    lines.append("  - {code: sample-delivery, zh: 示例外卖平台, en: Sample delivery platform}")
    lines.append("  - {code: sample-courier, zh: 示例快递公司, en: Sample courier firm}")
    lines.append("teams:")
    team = f'{{code: {TEAM}, subdistrict: "{subdistrict}", zh: 桃北先锋（合成示例）, en: Taobei Pioneers (synthetic sample)}}'
    lines += [f"  - {team}", "squads:"]
    for number, community in enumerate(communities(tiles), 1):
        code = squad(number)
        zh, en = f"示例{NUMERALS[number - 1]}社区小队", f"Squad of sample community {number}"
        rest = f'team: {TEAM}, community: "{community}", zh: {zh}, en: {en}, groups: [squad-{code}]'
        lines.append(f"  - {{code: {code}, {rest}}}")
    return "\n".join(lines) + "\n"


def squad(number: int) -> str:
    """The code of a community's squad."""
    return f"{TEAM}-{number}"


def communities(tiles: Sequence[Tile]) -> list[str]:
    """12-digit codes, in order."""
    return sorted({code[:12] for code, _ in tiles})
