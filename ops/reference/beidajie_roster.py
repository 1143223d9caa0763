"""SYNTHETIC people of the sample sub-district, for the roster import: sample data beside the reference, not part of it.

No person is meant. Telephone numbers begin with 154, which the national numbering plan gives to no network (libphonenumber
refuses it as well), so none of them can ring anywhere; names are 示例 (sample) and a number.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from itertools import count
from random import Random

from ops.reference.beidajie_life import squad
from shared.reference.departments import COMMUNITY_PREFIX, Department

HEAD = (
    "name", "phone", "role", "partner", "number", "squad", "captain", "community", "communities", "department", "status",
)  # fmt: skip
RIDERS = 240
VOLUNTEERS = 100
"""Of the riders; members of the volunteer team, trained and active, with numbers TB-…; the others have R-…."""

TRAINEES = 24
"""Of the riders outside the team; they are being trained."""

COURIERS_EVERY = 6
STAFF_PER_COMMUNITY = 2
PHONE = 15_400_000_000

Person = dict[str, str]


def roster(communities: Sequence[str], departments: Sequence[Department], random: Random) -> str:
    """The CSV: administrator, lead, staff, one account for each inbox, riders."""
    people = [*_office(), *_staff(communities), *_inboxes(communities, departments), *_riders(communities, random)]
    phones = count(PHONE + 1)
    file = io.StringIO()
    writer = csv.DictWriter(file, HEAD, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows({**person, "phone": str(next(phones))} for person in people)
    return file.getvalue()


def _office() -> Iterator[Person]:
    yield {"name": "示例管理员", "role": "administrator", "status": "active"}
    yield {"name": "示例街道负责人", "role": "lead", "status": "active"}


def _staff(communities: Sequence[str]) -> Iterator[Person]:
    for community in communities:
        for number in range(1, STAFF_PER_COMMUNITY + 1):
            name = f"示例社区工作者{community[9:]}-{number}"
            yield {"name": name, "role": "staff", "communities": community, "status": "active"}


def _inboxes(communities: Sequence[str], departments: Sequence[Department]) -> Iterator[Person]:
    codes = [(department.code, department.zh) for department in departments if department.contact == "inbox"]
    codes += [(COMMUNITY_PREFIX + community, f"社区{community[9:]}") for community in communities]
    for code, zh in codes:
        yield {"name": f"示例{zh}值守", "role": "department", "department": code, "status": "active"}


def _riders(communities: Sequence[str], random: Random) -> Iterator[Person]:
    """Volunteers spread evenly, so that each squad has its captain among them; the others by chance."""
    trainees = set(random.sample(range(VOLUNTEERS, RIDERS), TRAINEES))
    for index in range(RIDERS):
        volunteer = index < VOLUNTEERS
        place = index % len(communities) if volunteer else random.randrange(len(communities))
        yield {
            "name": f"示例骑手{index + 1:03d}",
            "role": "rider",
            "partner": "sample-courier" if index % COURIERS_EVERY == COURIERS_EVERY - 1 else "sample-delivery",
            "number": f"{'TB' if volunteer else 'R'}-{index + 1:03d}",
            "squad": squad(place + 1),
            "captain": "yes" if index < len(communities) else "",
            "community": communities[place],
            "status": "trainee" if index in trainees else "active",
        }
