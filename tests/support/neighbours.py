"""Several riders around one place, over intake as it is wired: what they report, and what dispatch says of it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from services.intake import agents
from services.intake.domain.report import Incident, Report
from services.intake.domain.spot import Near, Spot, reach
from services.intake.forms import ReportIn
from services.intake.ports import Around
from services.intake.store import HOLDINGS, INCIDENTS, REPORTS, SPOTS
from services.intake.taking import Taking, take_report
from shared.contracts.envelope import Envelope, Message
from shared.contracts.incident_changed import IncidentChanged
from shared.contracts.report_updated import ReportUpdated
from shared.ids import public_code
from shared.mongo.lane import Lane
from shared.web.auth import Principal, Role
from tests.support.intaking import StubRules, sender, taking, wish
from tests.support.lanes import published, running
from tests.support.memory import NOW, MemoryTransactor

HERE = "140302003"
P0 = (113.58, 37.857)


def north(metres: float) -> dict[str, Any]:
    """A place so far north of P0, by a good fix."""
    return {"lng": P0[0], "lat": P0[1] + metres / 111_194.9, "crs": "wgs84", "accuracy_m": 3.0}


@dataclass
class Street:
    """Intake over a memory store; categories are manholes, 25 m, unless a test says otherwise."""

    store: MemoryTransactor
    lane: Lane
    rules: StubRules = field(default_factory=StubRules)
    heard: dict[str, int] = field(default_factory=dict)

    @property
    def desk(self) -> Taking:
        return replace(taking(self.lane, self.store, rules=self.rules), clock=lambda: NOW)

    async def report(self, rider: str = "rider-1", metres: float = 0.0, **changes: Any) -> Report:
        """What a rider sends, and what was stored."""
        caller = Principal(rider, Role.RIDER, HERE)
        body = wish(**{"client_key": f"key-of-{rider}", "place": north(metres), "asked": True, **changes})
        return (await take_report(self.desk, ReportIn.model_validate(body), sender(caller))).report

    async def near(self, metres: float = 0.0, accuracy_m: float = 3.0) -> list[Near]:
        """What a rider is shown there."""
        place = north(metres)
        around = Around("gb30428", "P0101", (place["lng"], place["lat"]), reach(self.rules.radius_m, accuracy_m), NOW)
        return await self.desk.surroundings.near(Principal("rider-9", Role.RIDER, HERE).scope, around)

    async def says(self, incident: str, kind: str = "state", at: datetime = NOW, **changes: Any) -> None:
        """Dispatch says that something has changed."""
        await self.lane.submit(self.change(incident, kind, at, **changes))

    def change(self, incident: str, kind: str = "state", at: datetime = NOW, **changes: Any) -> Any:
        """The command by which intake hears it."""
        fields = {"kind": kind, "incident": incident, "code": public_code(incident), "subdistrict": HERE}
        data = IncidentChanged.model_validate({**fields, "actor_kind": "staff", **changes})
        self.heard[incident] = number = self.heard.get(incident, 0) + 1
        envelope = Envelope(
            id=f"incident-changed:{incident}:{number}:0",
            type=data.TYPE,
            source=f"/{HERE}/dispatch",
            subject=incident,
            time=at,
            recorded_time=at,
            partition_key=incident,
            sequence=number,
            cycle=1,
            correlation_id="story-1",
            causation_id=None,
            actor="staff:s1",
            traceparent=None,
        )
        return agents.handlers(HOLDINGS)["incident-changed"](Message(envelope, data))

    async def resolves(self, incident: str, hours_ago: float = 0.0) -> None:
        """Dispatch says that it is fixed."""
        await self.says(incident, at=NOW - timedelta(hours=hours_ago), to_state="resolved")

    def incident(self, id_: str) -> Incident:
        return INCIDENTS.load(self.store.documents[INCIDENTS.ref(id_)])

    def spot(self, id_: str) -> Spot:
        return SPOTS.load(self.store.documents[SPOTS.ref(id_)])

    def stored(self, report: str) -> Report:
        return REPORTS.load(self.store.documents[REPORTS.ref(report)])

    def updates(self) -> list[ReportUpdated]:
        found = [message.data for _, message in published(self.store, "report-updated")]
        return [data for data in found if isinstance(data, ReportUpdated)]

    def opened(self) -> int:
        return len(published(self.store, "incident-reported"))

    def homes(self) -> dict[str, list[str]]:
        """Every report with the incidents that say it is theirs."""
        reports = [REPORTS.load(one) for ref, one in self.store.documents.items() if ref.collection == "reports"]
        incidents = [INCIDENTS.load(one) for ref, one in self.store.documents.items() if ref.collection == "incidents"]
        return {one.id: [incident.id for incident in incidents if one.id in incident.reports] for one in reports}


@asynccontextmanager
async def street() -> AsyncIterator[Street]:
    """An empty one."""
    store = MemoryTransactor()
    async with running(store) as lane:
        yield Street(store, lane)
