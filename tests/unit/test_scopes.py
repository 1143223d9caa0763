"""No read without a scope: what a store shows to people takes one, and the query says the same as the predicate."""

import inspect
from collections.abc import Iterator
from importlib import import_module
from itertools import product
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

import pytest

from ops.local import plan
from services.intake.domain.sight import Sight
from services.notify.domain.audiences import Reach, reach_of
from shared.errors import Forbidden
from shared.mongo.scopes import within
from shared.scope import Scope

UNSCOPED = {
    "MongoPhotos.put": "writes; whose it is stands in the photo",
    "MongoPhotos.shown": "for a signed link, minted for somebody whose scope was asked then",
    "MongoViews.public": "for everybody: the page shows public categories alone, and nothing of people",
    "MongoPeople.of_login": "nobody is logged in yet: the issuer has said who it is",
    "MongoPeople.named": "the operator's command line, who stands at the machine",
    **dict.fromkeys(
        [f"MongoDeliveries.{name}" for name in ("collect", "due", "arrived", "failed", "waiting")],
        "sends a department what it was told anyway; nobody calls it",
    ),
    **dict.fromkeys(
        [f"MongoReadings.{name}" for name in ("told_before", "keep", "of")],
        "how far departments have read their topics: numbers and times, nothing of people",
    ),
    **dict.fromkeys(
        [
            f"MongoShelf.{name}"
            for name in (
                *("unplanned", "keep", "planned", "lines", "line", "waiting", "begin", "end", "keep_line"),
                *("sending", "finished", "unsent"),
            )
        ],
        "the worker sends people what they were told anyway; nobody calls it",
    ),
    **dict.fromkeys(
        ["MongoBroadcasts.due", "MongoBroadcasts.riders"],
        "the worker carries out what desks wrote; counts alone are shown",
    ),
    **dict.fromkeys(
        [f"MongoFacts.{name}" for name in ("done", "finish", "due", "heard_of")],
        "the worker tells departments and staff of their own in the morning",
    ),
    "MongoAddresses.of": "the worker asks where a rider wants to be told; no route does",
    "InboxChanges.listen": "hears that an inbox has changed, reads nothing of it",
}
"""Public methods of stores without a scope, and why none is needed."""

SHOWS_NOTHING = {
    "_published_words": "removes events of somebody who is to be forgotten",
    "_of_rider": "finds the books that are renamed together",
    "books_of": "finds what is renamed with them",
    "export_of": "gives somebody what is his, through the exporter of the store",
    "_photos_named": "says what retention has to leave",
    "_photos_needed": "says what retention has to leave",
    "_reports_needed": "says what retention has to leave",
    "_incidents_needed": "says what retention has to leave",
}
"""Functions of stores that read beside their classes, and why nobody sees what they read."""


def methods() -> Iterator[tuple[str, inspect.Signature]]:
    for service in plan.services():
        for module in stores(service):
            yield from methods_of(module)


def stores(service: str) -> list[ModuleType]:
    """The store, and whatever stands beside it under a name that ends in one."""
    package = import_module(f"services.{service}")
    names = [found.name for found in iter_modules(package.__path__) if found.name.endswith("store")]
    return [import_module(f"services.{service}.{name}") for name in names]


def methods_of(module: ModuleType) -> Iterator[tuple[str, inspect.Signature]]:
    for name, found in inspect.getmembers(module, inspect.isclass):
        if found.__module__ != module.__name__:
            continue
        for method, function in inspect.getmembers(found, inspect.iscoroutinefunction):
            if not method.startswith("_"):
                yield f"{name}.{method}", inspect.signature(function)


def test_every_read_of_a_store_begins_with_the_callers_scope() -> None:
    unscoped = set()
    for name, signature in methods():
        first = list(signature.parameters.values())[1]
        if first.annotation not in (Scope, Sight, Reach) or first.default is not inspect.Parameter.empty:
            unscoped.add(name)
    assert unscoped == set(UNSCOPED)


def test_only_stores_have_a_database_to_read_from() -> None:
    """That nobody else reads is an import contract: here that a store has no function that reads beside its classes."""
    for service in plan.services():
        for module in stores(service):
            functions = inspect.getmembers(module, inspect.iscoroutinefunction)
            assert {name for name, found in functions if found.__module__ == module.__name__} <= set(SHOWS_NOTHING)


@pytest.mark.parametrize("communities", [(), ("a",), ("a", "b")])
def test_the_query_says_the_same_as_the_predicate(communities: tuple[str, ...]) -> None:
    scope = Scope("s", "staff:s", "here", desk=True, communities=communities)
    query = within(scope, "community")
    for subdistrict, community in product(("here", "there"), ("a", "b", "c", None)):
        wanted: dict[str, Any] = query.get("community", {"$in": [community]})
        found = query["subdistrict"] == subdistrict and community in wanted["$in"]
        assert found == scope.sees(subdistrict, community), (subdistrict, community)


@pytest.mark.parametrize(
    "scope", [Scope("r", "rider:r", "here"), Scope("d", "department:water", "here", department="water")]
)
def test_who_has_no_desk_has_no_query(scope: Scope) -> None:
    with pytest.raises(Forbidden):
        within(scope, "community")


def test_inboxes_in_reach() -> None:
    here = ("a", "b")
    assert reach_of(Scope("r", "rider:r", "here"), here).all == {"rider:r"}
    assert reach_of(Scope("d", "department:water", "here", department="water"), here).all == {
        *("account:d", "department:here:water")
    }
    whole = reach_of(Scope("s", "staff:s", "here", desk=True), here)
    assert whole.all == {"account:s", "community:a", "community:b", "subdistrict:here"}
    grouped = reach_of(Scope("s", "staff:s", "here", True, ("b",)), here, {"g-a": "a", "g-b": "b", "g": None})
    assert grouped.all == {"account:s", "community:b", "group:g-b"}
    part = reach_of(Scope("s", "staff:s", "here", desk=True, communities=("b", "elsewhere")), here)
    assert part.all == {"account:s", "community:b"}
