"""Rules 5 and 6: what was published arrived, in order, and what could not be carried out is kept."""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from ops.check.snapshot import Snapshot, place_of
from shared.contracts.dead_letter import DeadLetter
from shared.contracts.envelope import Headers
from shared.contracts.topics import DEPARTMENT_UPDATES

Line = tuple[str, str, str]
"""(source, topic, key)."""


def sequences(snapshot: Snapshot) -> tuple[int, list[str]]:
    """5: every (source, topic, key) is numbered 1, 2, 3 … in the order in which it stands, up to the last one put."""
    lines: dict[Line, list[int]] = defaultdict(list)
    cut: set[Line] = set()
    for event in snapshot.events:
        if not event.topic.startswith(DEPARTMENT_UPDATES):  # departments give no numbers
            line = (event.message.envelope.source, event.topic, event.key)
            lines[line].append(event.message.envelope.sequence)
            if (event.topic, event.partition) in snapshot.shortened:
                cut.add(line)
    return len(lines), [*_gaps(lines, cut), *_tails(snapshot, lines), *_parked(snapshot)]


def _gaps(lines: Mapping[Line, list[int]], cut: set[Line]) -> Iterator[str]:
    for line, numbers in sorted(lines.items()):
        first = numbers[0] if line in cut else 1
        if numbers != list(range(first, first + len(numbers))):
            yield f"{' '.join(line)}: numbered {', '.join(map(str, numbers))}"


def _tails(snapshot: Snapshot, lines: Mapping[Line, list[int]]) -> Iterator[str]:
    """What is missing at the end leaves no gap; the document that the events were put with knows how many there are."""
    last: dict[Line, int] = {}
    for (source, topic, key), numbers in lines.items():
        place = (source.rpartition("/")[2], topic, key)
        last[place] = max([last.get(place, 0), *numbers])
    cut = {topic for topic, _ in snapshot.shortened}
    for root in snapshot.roots:
        for topic, number in root.sequences.items():
            found = last.get((root.service, topic, root.key), 0)
            if found < number and (found or topic not in cut):
                yield f"{root.service} {topic} {root.key}: ends at {found}, {number} were put"


def _parked(snapshot: Snapshot) -> Iterator[str]:
    for row in snapshot.outbox:
        if row.parked is not None:
            yield f"{row.service} {row.topic} {row.key}: {row.id} can never be sent: {row.parked}"


def dead_letters(snapshot: Snapshot) -> tuple[int, list[str]]:
    """6: each dead letter stands in its service's database and on `<topic>.dlq` with the same bytes, nothing is dead
    without one, and garbage is one for every service that reads it. Counts deliveries, so that none is not nothing."""
    readers = snapshot.readers()
    counted = sum(len(readers[record.topic]) for record in snapshot.deliveries)
    return counted, [*_letters(snapshot), *_without_letter(snapshot)]


def _letters(snapshot: Snapshot) -> Iterator[str]:
    buried: dict[tuple[str, str], list[DeadLetter]] = defaultdict(list)
    for letter in snapshot.buried:
        buried[letter.consumer, place_of(letter)].append(letter)
    kept = {(letter.service, letter.place): letter for letter in snapshot.letters}
    for service, place in sorted({*buried} - {*kept}):
        yield f"{place}: its .dlq has it from {service}, which has no such dead letter"
    for (service, place), one in kept.items():
        found = buried.get((service, place))
        if found is None:
            if one.last_at >= snapshot.retained_from:
                yield f"{place}: is a dead letter of {service}, its .dlq does not have it"
        elif any(_bytes(each.headers, each.value) != _bytes(one.headers, one.value) for each in found):
            yield f"{place}: the dead letter of {service} has other bytes than its .dlq"


def _bytes(headers: Headers, value: bytes) -> tuple[list[tuple[str, bytes]], bytes]:
    return [(name, bytes(content or b"")) for name, content in headers], bytes(value)


def _without_letter(snapshot: Snapshot) -> Iterator[str]:
    kept = {(letter.service, letter.place) for letter in snapshot.letters}
    for held in snapshot.held:
        if held.state == "dead" and (held.service, held.head) not in kept:
            yield f"{held.id}: is dead in {held.service} without a dead letter"
    readers = snapshot.readers()
    for record in snapshot.deliveries:
        if record.place in snapshot.garbage:
            for service in readers[record.topic]:
                if (service, record.place) not in kept:
                    yield f"{record.place}: cannot be read, and is no dead letter of {service}"
