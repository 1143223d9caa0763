"""Campaigns and visits for tests."""

from datetime import UTC, datetime
from typing import Any

from services.points.campaigns import OpenCampaign
from services.points.domain.campaign import Item, Plan
from services.points.store import CAMPAIGNS
from shared.context import Context
from shared.scope import Scope

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
