"""Reference data: one validated directory that says what a district consists of and how it works."""

from shared.reference.categories import Category, CategoryKey, Condition, Limit, Priority
from shared.reference.departments import Department, community_inbox
from shared.reference.files import Fault, ReferenceInvalid
from shared.reference.load import load
from shared.reference.reference import Reference
from shared.reference.routing import Route, RouteError

__all__ = [
    "Category",
    "CategoryKey",
    "Condition",
    "Department",
    "Fault",
    "Limit",
    "Priority",
    "Reference",
    "ReferenceInvalid",
    "Route",
    "RouteError",
    "community_inbox",
    "load",
]
