"""When `check` judges: once nothing moves, and a violation must be there at a second look."""

from ops.check.command import examine
from shared.mongo.client import Document
from shared.mongo.transactions import OUTBOX
from tests.support.modelling import NOW, Behind, Model

CLOCK = lambda: NOW  # noqa: E731


class Restless(Behind):
    """Shows another client key in the first `wrong` looks, and a row in the outbox in the first `waiting` looks."""

    def __init__(self, model: Model, wrong: int = 0, waiting: int = 0) -> None:
        super().__init__(model)
        self.looks = 0
        self._wrong = wrong
        self._waiting = waiting

    async def find(self, service: str, collection: str, query: Document, *fields: str) -> list[Document]:
        found = await super().find(service, collection, query, *fields)
        if collection == "reports":
            self.looks += 1
            return [{**document, "client_key": "x"} if self.looks <= self._wrong else document for document in found]
        if (service, collection) == ("intake", OUTBOX) and self.looks < self._waiting:
            return [{"_id": "row", "topic": "incident-reported", "key": "inc-1", "parked": None}]
        return found


def told() -> Model:
    model = Model()
    model.report("anna", "inc-1")
    return model


async def rule_1(look: Restless, seconds: float = 10.0) -> tuple[str, ...]:
    report = await examine(look, (), CLOCK, seconds)
    return report.findings[0].violations


async def test_what_is_gone_at_the_second_look_is_no_violation() -> None:
    look = Restless(told(), wrong=1)
    assert await rule_1(look) == ()
    assert look.looks == 2


async def test_what_stays_is_a_violation() -> None:
    assert len(await rule_1(Restless(told(), wrong=9))) == 1


async def test_it_waits_until_nothing_moves() -> None:
    look = Restless(told(), wrong=2, waiting=2)
    assert await rule_1(look) == ()
    assert look.looks > 2


async def test_it_judges_what_does_not_come_to_rest_and_says_so() -> None:
    report = await examine(Restless(told(), waiting=99), (), CLOCK, settle_seconds=0.0)
    assert report.unsettled == ("intake: row waits in the outbox",)
    assert report.findings[0].clean
