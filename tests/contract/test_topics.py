"""The topic table and the ids are those of the design (events.md): written here once more, by hand."""

import pytest

from shared.contracts.event import EventData
from shared.contracts.pages import id_pattern
from shared.contracts.schemas import EVENTS, TOPICS, schema_of
from shared.contracts.topics import (
    FIXED,
    Topic,
    all_topics,
    department_of,
    department_updates_topic,
    dispatch_topic,
    topic_named,
)
from tests.contract.strategies import walk

DESIGN = {
    "incident-reported": ("incident", "intake", {"dispatch", "points", "notify"}, "incident-reported:<incident>"),
    "report-updated": ("incident", "intake", {"dispatch", "points", "notify"}, "report-updated:<incident>:<sequence>"),
    "incident-changed": (
        "incident",
        "dispatch",
        {"intake", "points", "notify"},
        "incident-changed:<incident>:<version>:<index>",
    ),
    "incident-resolved": (
        "incident",
        "dispatch",
        {"points", "notify", "intake"},
        "incident-resolved:<incident>:<cycle>",
    ),
    "dispatch.municipal": ("incident", "dispatch", {"dept.municipal"}, "dispatch:<order>:<seq>"),
    "department-updates.municipal": ("order", "dept.municipal", {"dispatch"}, "<update_id>"),
    "points-awarded": ("rider", "points", {"notify", "intake"}, "points-awarded:<entry>"),
    "points-adjusted": ("rider", "points", {"notify", "intake"}, "points-adjusted:<entry>"),
    "activity-decided": ("rider", "points", {"notify"}, "activity-decided:<recorded_activity>:<version>"),
    "account-changed": ("account", "intake", {"dispatch", "points", "notify"}, "account-changed:<account>:<sequence>"),
    # not in the design's table: how the others answer it, see docs/adr/0014
    "account-forgotten": (
        "account",
        "dispatch",
        "points",
        "notify",
        {"intake"},
        "account-forgotten:<service>:<account>",
    ),
    # rounds and reviews, see docs/adr/0029
    "campaign-changed": ("campaign", "points", {"intake"}, "campaign-changed:<campaign>:<version>"),
    "visit-recorded": ("visit", "intake", {"points"}, "visit-recorded:<visit>"),
    "report-judged": ("report", "intake", {"points"}, "report-judged:<report>"),
    # evidence of activities, see docs/adr/0038
    "activity-recorded": ("activity", "points", {"intake", "notify"}, "activity-recorded:<activity>"),
}


def test_the_table_is_the_design() -> None:
    table = {
        topic.name: (
            topic.key,
            *topic.producers,
            set(topic.consumers),
            *(id_pattern(e, topic.key) for e in topic.events),
        )
        for topic in TOPICS
    }
    assert table == DESIGN


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.name)
def test_partitions_and_retention_are_the_design(topic: Topic) -> None:
    department = topic.name.endswith(".municipal")
    assert (topic.partitions, topic.retention_days) == ((3, 90) if department else (12, 30))
    assert (topic.dlq.partitions, topic.dlq.retention_days) == (1, topic.retention_days)
    assert (topic.dlq.key, topic.dlq.events) == (topic.key, topic.events)


def test_all_topics_are_the_fixed_ones_two_per_department_and_dead_letters_where_a_service_reads() -> None:
    names = [topic.name for topic in all_topics(["water", "fire", "fire"])]
    sources = [name for name in names if not name.endswith(".dlq")]
    assert len(names) == len(set(names))
    assert set(sources) == {topic.name for topic in FIXED} | {
        "dispatch.fire",
        "dispatch.water",
        "department-updates.fire",
        "department-updates.water",
    }
    assert {name.removesuffix(".dlq") for name in names if name.endswith(".dlq")} == {
        name for name in sources if not name.startswith("dispatch.")
    }
    assert all(topic_named(name).name == name for name in names)


def test_dead_letters_are_written_by_the_services_that_read_and_read_by_operators() -> None:
    assert topic_named("incident-changed.dlq").producers == ("intake", "points", "notify")
    assert topic_named("department-updates.fire.dlq").producers == ("dispatch",)
    assert dispatch_topic("fire").dlq.producers == ()
    assert all(topic.dlq.consumers == ("ops",) for topic in TOPICS)


@pytest.mark.parametrize("code", ["", "f", "Fire", "1st", "fire.brigade", "fire brigade", "fire\n", "x" * 32, "消防"])
def test_what_is_no_department_code_makes_no_topic(code: str) -> None:
    for topic in (dispatch_topic, department_updates_topic):
        with pytest.raises(ValueError, match="department code"):
            topic(code)
    assert department_of(f"dispatch.{code}") is None
    with pytest.raises(ValueError, match="department code"):
        topic_named(f"department-updates.{code}")


@pytest.mark.parametrize(
    ("name", "department"),
    [
        ("dispatch.fire", "fire"),
        ("department-updates.community-140302003001", "community-140302003001"),
        ("department-updates.fire.dlq", "fire"),
        ("incident-reported", None),
        ("dispatch", None),
        ("dispatch.fire.other", None),
    ],
)
def test_department_of(name: str, department: str | None) -> None:
    assert department_of(name) == department


def test_types_are_well_formed_and_unique() -> None:
    types = [event.TYPE for event in EVENTS]
    assert len(types) == len(set(types)) == 15
    assert all(type_.startswith("cn.qianshao.") and len(type_.split(".")) == 5 for type_ in types)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)
def test_no_field_smells_of_personal_data(event: type[EventData]) -> None:
    forbidden = ("name", "phone", "mobile", "tel", "mail", "wechat", "openid", "idcard", "birth", "base64", "bytes")
    for path, _ in walk(schema_of(event)):
        words = path.rpartition(".")[2].split("_")
        assert not [word for word in words if word.startswith(forbidden)], path


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)
def test_every_event_says_its_subdistrict(event: type[EventData]) -> None:
    assert "subdistrict" in schema_of(event)["required"]
