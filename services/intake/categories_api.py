"""What can be reported, for whoever shows it: an app needs no copy of the reference data."""

from hashlib import sha256
from typing import Annotated

from fastapi import APIRouter, Header, Response
from pydantic import BaseModel, Field

from shared.reference.categories import Category
from shared.reference.files import Named
from shared.reference.reference import Reference
from shared.web.auth import Caller


class NamedOut(BaseModel):
    """A code and what people read for it."""

    code: str
    zh: str
    en: str


class QuestionOut(NamedOut):
    """What the reporter may be asked; he picks one choice, or none."""

    choices: list[NamedOut]


class CategoryOut(NamedOut):
    """A kind of thing to report. The first condition is assumed when none is told.

    `photo_required`, `after_photo_required`: to report it, and to report it done. `public`: everybody may follow it by its code.
    """

    scheme: str
    tile: str
    photo_required: bool
    after_photo_required: bool
    public: bool
    conditions: list[NamedOut]
    questions: list[QuestionOut]


class CategoriesOut(BaseModel):
    """Tiles and categories in the order in which they are shown."""

    version: str = Field(description="sha256 of the reference data")
    tiles: list[NamedOut]
    categories: list[CategoryOut]


def router(reference: Reference) -> APIRouter:
    """The route. What it answers never changes while the process lives: it is written once."""
    routes = APIRouter(prefix="/v1")
    body = categories_out(reference).model_dump_json().encode()
    # Of the whole answer, its version included: a release that shows more of the same data is another answer, too.
    tag = f'"{sha256(body).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}

    @routes.get(
        "/categories",
        response_model=CategoriesOut,
        responses={304: {"description": "as the client knows it"}},
        summary="What can be reported",
    )
    async def get_categories(caller: Caller, if_none_match: Annotated[str, Header(max_length=2_000)] = "") -> Response:
        if _knows(if_none_match, tag):
            return Response(status_code=304, headers=headers)
        return Response(body, media_type="application/json", headers=headers)

    return routes


def categories_out(reference: Reference) -> CategoriesOut:
    """Everything that can be reported, as clients are told it."""
    return CategoriesOut(
        version=reference.version,
        tiles=[_named(tile.code, tile) for tile in reference.tiles.values()],
        categories=[_category_out(category) for category in reference.categories.values()],
    )


def _category_out(category: Category) -> CategoryOut:
    return CategoryOut(
        code=category.code,
        zh=category.zh,
        en=category.en,
        scheme=category.scheme,
        tile=category.tile,
        photo_required=category.photo_required,
        after_photo_required=category.after_photo_required,
        public=category.public,
        conditions=[_named(condition.code, condition) for condition in category.conditions],
        questions=[
            QuestionOut(
                code=question.code,
                zh=question.zh,
                en=question.en,
                choices=[_named(choice.code, choice) for choice in question.choices],
            )
            for question in category.questions
        ],
    )


def _named(code: str, thing: Named) -> NamedOut:
    return NamedOut(code=code, zh=thing.zh, en=thing.en)


def _knows(header: str, tag: str) -> bool:
    """Whether `If-None-Match` names the tag, also as the weak one that a compressing proxy makes of it."""
    known = {one.strip().removeprefix("W/") for one in header.split(",")}
    return tag in known or "*" in known
