"""The desk's queue over HTTP: narrowed by what is asked for, page by page."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from services.dispatch.api import IncidentOut, incident_out
from services.dispatch.domain.clocks import Priority
from services.dispatch.domain.states import State
from services.dispatch.ports import Queue
from services.dispatch.queue import Wanted, mark_of, read_mark
from shared.clock import Clock
from shared.web.auth import Caller

NEXT = "X-Next-Cursor"
"""The header that says with which `after` the next page is asked for; absent behind the last page."""

Word = Annotated[str | None, Query(min_length=1, max_length=60)]


def router(queue: Queue, clock: Clock) -> APIRouter:
    """The route; everything it needs is handed in."""
    routes = APIRouter(prefix="/v1")

    async def wanted_of(
        state: State | None = None,
        class_: Annotated[Priority | None, Query(alias="class")] = None,
        department: Word = None,
        community: Word = None,
        overdue: bool = False,
        disputed: bool | None = None,
        needs_location: bool | None = None,
        flag: Word = None,
        code: Word = None,
    ) -> Wanted:
        return Wanted(
            state,
            class_,
            department,
            community,
            clock() if overdue else None,
            disputed,
            needs_location,
            flag,
            code.upper() if code else None,
        )

    @routes.get("/incidents", summary="The desk's queue, the oldest clock first")
    async def get_incidents(
        caller: Caller,
        response: Response,
        wanted: Annotated[Wanted, Depends(wanted_of)],
        after: Annotated[str | None, Query(max_length=240)] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> list[IncidentOut]:
        mark = None if after is None else read_mark(after)
        found = await queue.queue(caller.scope, wanted, mark, limit + 1)
        if len(found) > limit:
            response.headers[NEXT] = str(mark_of(found[limit - 1][0]))
        return [incident_out(incident, version) for incident, version in found[:limit]]

    return routes
