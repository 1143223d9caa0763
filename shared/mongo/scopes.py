"""A scope as part of a query: what is out of it is never read, so no later mistake can show it."""

from typing import Any

from shared.errors import Forbidden
from shared.scope import Scope


def within(scope: Scope, community: str) -> dict[str, Any]:
    """The filter that says the same as `Scope.sees`; `community` is the path of the field that has the code.

    Raises `Forbidden` for a scope that is not a desk's: it has no incidents to be asked for.
    """
    if not scope.desk:
        raise Forbidden("this is for the desks")
    query: dict[str, Any] = {"subdistrict": scope.subdistrict}
    if scope.communities:
        query[community] = {"$in": [*scope.communities, None]}  # None is also found where the field is absent
    return query
