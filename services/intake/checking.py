"""What reference data and stored photos say to a wish, field by field, and its place as it is used."""

from collections.abc import Mapping

from services.intake.domain.report import CERTAIN_METRES, Place, Point
from services.intake.forms import CategoryIn, PlaceIn, ReportIn
from services.intake.ports import Photo, Rules
from shared.errors import FieldError, Forbidden, Invalid
from shared.geo import crs

MAX_PHOTOS = 5


def check_rider(wish: ReportIn, rider: str) -> None:
    """Raises `Forbidden` if the body names another rider than the token."""
    if wish.rider_id not in (None, rider):
        raise Forbidden("rider_id: is not you; it comes from the token")


def check_category(wish: ReportIn, rules: Rules) -> None:
    """Raises `Invalid`: no such category, condition, question or choice, or it needs a photo and none is named or announced."""
    category: CategoryIn = wish.category
    rule = rules.category(category.scheme, category.code)
    if rule is None:
        raise Invalid.field("category", f"there is no {category.scheme}:{category.code} in the reference data")
    if category.condition is not None and category.condition not in rule.conditions:
        raise Invalid.field("category.condition", f"is none of {', '.join(sorted(rule.conditions))}")
    _check_answers(wish.answers, rule.questions)
    if rule.photo_required and not wish.photo_ids and not wish.awaiting_photos:
        raise Invalid.field("photo_ids", "this category needs at least one photo")


def _check_answers(answers: Mapping[str, str], questions: Mapping[str, frozenset[str]]) -> None:
    wrong = []
    for question, choice in answers.items():
        if question not in questions:
            asked = f"; its questions are {', '.join(sorted(questions))}" if questions else ""
            wrong.append(FieldError(f"answers.{question}", f"the category does not ask this{asked}"))
        elif choice not in questions[question]:
            wrong.append(FieldError(f"answers.{question}", f"is none of {', '.join(sorted(questions[question]))}"))
    if wrong:
        raise Invalid("; ".join(f"{error.field}: {error.reason}" for error in wrong), *wrong)


def check_photos(wish: ReportIn, announced: list[str], found: dict[str, Photo]) -> None:
    """Raises `Invalid`. Every photo named must be among the sender's own; the answer does not tell whether it is somebody
    else's. `announced` are the ids of those that are still to come."""
    wrong = [
        FieldError(f"photo_ids.{index}", "you have no such photo; upload it first")
        for index, id_ in enumerate(wish.photo_ids)
        if id_ not in found
    ]
    if wrong:
        raise Invalid("; ".join(f"{error.field}: {error.reason}" for error in wrong), *wrong)
    if len(set(wish.photo_ids)) < len(wish.photo_ids):
        raise Invalid.field("photo_ids", "the same photo twice")
    if len({*wish.photo_ids, *announced}) < len(wish.photo_ids) + len(announced):
        raise Invalid.field("awaiting_photos", "the same photo twice")
    if len(wish.photo_ids) + len(announced) > MAX_PHOTOS:
        raise Invalid.field("awaiting_photos", f"at most {MAX_PHOTOS} photos in all")


def check_self_fixed(wish: ReportIn, announced: list[str], found: dict[str, Photo]) -> None:
    """Raises `Invalid`: who says that he put it right shows before and after; after-photos mean nothing otherwise."""
    after = wish.after_photo_ids
    if after and not wish.self_fixed:
        raise Invalid.field("after_photo_ids", "only for a report that is self_fixed")
    if wish.self_fixed and not after:
        raise Invalid.field("after_photo_ids", "self_fixed needs at least one photo of how it looks now")
    if wish.self_fixed and not wish.photo_ids and not announced:
        raise Invalid.field("photo_ids", "self_fixed needs at least one photo of how it was before")
    for index, id_ in enumerate(after):
        if id_ not in found:
            raise Invalid.field(f"after_photo_ids.{index}", "you have no such photo; upload it first")
        if id_ in (*wish.photo_ids, *announced, *after[:index]):
            raise Invalid.field(f"after_photo_ids.{index}", "the same photo twice")


def place_of(given: PlaceIn, rules: Rules) -> Place:
    """Normalised; too uncertain a fix gets no micro-grid rather than a guessed one."""
    wgs84 = crs.to_wgs84(given.lng, given.lat, given.crs)
    gcj02 = crs.to_gcj02(*wgs84)
    certain = given.accuracy_m <= CERTAIN_METRES
    return Place(
        raw=Point(given.lng, given.lat),
        crs=given.crs,
        wgs84=Point(*_rounded(wgs84)),
        gcj02=Point(*_rounded(gcj02)),
        accuracy_m=given.accuracy_m,
        address=given.address,
        grid=rules.locate(*wgs84) if certain else None,
    )


def _rounded(point: tuple[float, float]) -> tuple[float, float]:
    """7 decimals are a centimetre, more than any phone knows."""
    return round(point[0], 7), round(point[1], 7)
