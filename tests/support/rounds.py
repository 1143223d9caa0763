"""Campaigns and visits for tests."""

from datetime import UTC, datetime
from typing import Any

from services.intake.domain.campaign import Campaign
from services.intake.domain.campaign import Item as KnownItem
from services.points.campaigns import OpenCampaign
from services.points.domain.campaign import Item, Plan
from services.points.store import CAMPAIGNS
from shared.context import Context
from shared.scope import Scope

MICRO = "14030200300500502"
HERE = "140302003005"
STARTS, ENDS = datetime(2026, 11, 20, tzinfo=UTC), datetime(2026, 12, 20, tzinfo=UTC)
DESK = Scope("s2", "staff:s2", "140302003", desk=True)
GAS = Item("gas_valve_closed", "燃气阀门已关", "gas valve closed", ("yes", "no", "not_home"))
ALONE = Item("lives_alone", "独居老人", "old person living alone", ("yes", "no"))


def plan(**changes: Any) -> Plan:
    """Gas rounds in `HERE` for a month."""
    usual: dict[str, Any] = {
        "title_zh": "冬季燃气安全入户",
        "title_en": "Gas safety rounds",
        "activity": "home_visit",
        "items": (GAS, ALONE),
        "grids": (HERE,),
        "starts_at": STARTS,
        "ends_at": ENDS,
    }
    return Plan(**{**usual, **changes})


def opening(id_: str = "camp", scope: Scope = DESK, fingerprint: str = "f", **changes: Any) -> OpenCampaign:
    """The command that announces it."""
    return OpenCampaign(CAMPAIGNS, id_, fingerprint, plan(**changes), scope, Context(scope.actor, "story-1"))


def campaign_wish(**changes: Any) -> dict[str, Any]:
    """The body of the request that announces it."""
    usual: dict[str, Any] = {
        "client_key": "desk-0001",
        "title_zh": "冬季燃气安全入户",
        "title_en": "Gas safety rounds",
        "items": [
            {"code": "gas_valve_closed", "zh": "燃气阀门已关", "en": "gas valve closed", "answers": ["yes", "no"]},
            {"code": "lives_alone", "zh": "独居老人", "en": "old person living alone"},
        ],
        "grids": [HERE],
        "starts_at": "2026-11-20T00:00:00Z",
        "ends_at": "2026-12-20T00:00:00Z",
    }
    return {name: value for name, value in {**usual, **changes}.items() if value is not ...}


def followed(id_: str = "camp", **changes: Any) -> Campaign:
    """The same campaign as intake knows it."""
    usual: dict[str, Any] = {
        "announced": 1,
        "subdistrict": "140302003",
        "activity": "home_visit",
        "title_zh": "冬季燃气安全入户",
        "title_en": "Gas safety rounds",
        "items": tuple(KnownItem(item.code, item.zh, item.en, item.answers) for item in (GAS, ALONE)),
        "grids": (HERE,),
        "communities": (HERE,),
        "starts_at": STARTS,
        "ends_at": ENDS,
    }
    return Campaign(id_, **{**usual, **changes})


def visit_wish(**changes: Any) -> dict[str, Any]:
    """The body of a visit of it."""
    usual: dict[str, Any] = {
        "client_key": "phone-0001",
        "campaign": "camp",
        "micro_grid": MICRO,
        "household": "3-2-501",
        "answers": {"gas_valve_closed": "no", "lives_alone": "yes"},
        "captured_at": "2026-11-25T15:50:00+08:00",
    }
    return {name: value for name, value in {**usual, **changes}.items() if value is not ...}
