"""The texts of notify: complete in both languages, only known placeholders, and "fixed" only where it is true."""

import re

import pytest

from ops.reference.beidajie import DIRECTORY
from services.notify.domain.telling import CASE_VALUES, TABLE, Audience, Entry, Row, Urgency, check
from services.notify.domain.templates import TEMPLATES, Template, placeholders, render
from services.notify.domain.words import RULES, Words, said, same, why_adjusted, why_awarded
from shared.reference.load import load

FIXED = re.compile(
    r"修好|修复|修完|解决|办结|完成|排除|\b(fixed|repaired|resolved|solved|done with|completed|finished)\b",
    re.IGNORECASE,
)
CHINESE = re.compile(r"[\u4e00-\u9fff]")
ROWS = [(key, row) for key, entry in TABLE.items() for row in entry.rows]


def texts(template: Template) -> list[str]:
    return [text for pair in (template.title, template.text, template.next) for text in (pair.zh, pair.en)]


def test_every_placeholder_is_provided_and_every_template_is_used() -> None:
    check(TABLE, TEMPLATES)
    assert {row.template for _, row in ROWS} == set(TEMPLATES)


def test_a_missing_template_or_placeholder_is_named() -> None:
    row = Row(Audience.RIDER, "a", Urgency.NORMAL)
    table = {("t", "w"): Entry((row, Row(Audience.STAFF, "b", None)), frozenset({"why"}), of_case=False)}
    template = Template(Words("{why}", "{why}"), Words("{place}", ""), Words("", ""), "/p/{code}")
    with pytest.raises(
        ValueError, match=r"t w: a: nothing provides code; t w: a: nothing provides place; t w: b: .*template"
    ):
        check(table, {"a": template})


def test_what_a_person_wrote_is_refused_for_a_group_and_so_are_two_texts_for_one_side() -> None:
    template = Template(Words("{reason}", "{reason}"), Words("", ""), Words("", ""), "/x")
    rows = (Row(Audience.UNIT, "a", None), Row(Audience.DANGER_UNIT, "b", None))
    table = {("t", "w"): Entry(rows, frozenset({"reason"}), of_case=False)}
    with pytest.raises(ValueError, match=r"a: a group must not read reason; .*two texts for one side"):
        check(table, {"a": template, "b": template})


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_text_is_whole_in_both_languages_and_says_what_comes_next(name: str) -> None:
    template = TEMPLATES[name]
    for pair in (template.title, template.text, template.next):
        assert CHINESE.search(pair.zh), pair
        assert pair.en.strip(), pair
        assert not CHINESE.search(pair.en), pair
        assert set(re.findall(r"{(\w+)}", pair.zh)) == set(re.findall(r"{(\w+)}", pair.en)), pair
    assert template.link in ("/p/{code}", "/passbook", "/")


@pytest.mark.parametrize("name", TEMPLATES)
def test_scenario_26_only_a_message_about_something_fixed_says_so(name: str) -> None:
    says_fixed = any(FIXED.search(text) for text in texts(TEMPLATES[name]))
    assert says_fixed == name.startswith("fixed"), texts(TEMPLATES[name])
    words = {key for key, row in ROWS if row.template == name}
    if name.startswith("fixed"):
        allowed = {("incident-changed", "state:resolved")} | {
            ("incident-resolved", how) for how in ("department", "self_fixed")
        }
        assert words <= allowed


def test_no_text_can_name_a_person() -> None:
    used = {name for template in TEMPLATES.values() for name in placeholders(template)}
    assert used == CASE_VALUES | {"activity", "department", "reason", "question", "points", "balance", "why"}


def test_what_people_wrote_is_shown_and_never_read_as_a_placeholder() -> None:
    zh, en, link = render(TEMPLATES["rejected"], {"code": same("7K3M-9QXA"), "category": Words("井盖", "Cover"),
                                                  "place": same("{code}{x!r}"), "reason": said("不属实。")})  # fmt: skip
    assert zh.text == "“井盖”（{code}{x!r}）经社区核实，未予立案：不属实。"
    assert "“Cover” ({code}{x!r})" in en.text
    assert link == "/p/7K3M-9QXA"


def test_a_value_that_an_old_step_lacks_does_not_lose_the_message() -> None:
    zh, _, _ = render(TEMPLATES["asked"], {"code": same("7K3M-9QXA")})
    assert zh.title == "已交由—处理"


def test_a_reason_that_was_not_given_is_said_in_words() -> None:
    assert said(None) == said(" 。") == Words("未另作说明", "no further explanation")
    assert said("不属实。") == same("不属实")


def test_why_points_is_said_in_words_for_every_rule_of_the_sample_and_any_other() -> None:
    hazard = load(DIRECTORY).points.hazard
    assert {row.rule for row in (hazard.first, hazard.co_reporter, hazard.self_fixed, hazard.outstanding)} <= set(RULES)
    assert why_awarded("hazard_first", "hazard").zh == "第一个上报"
    assert why_awarded("meeting", "meeting").zh == "参加会议"
    assert why_awarded("a_rule_of_tomorrow", "help").en == "helping residents"
    assert why_adjusted("bogus").zh == "上报经核实不属实"
    assert why_adjusted("a_reason_of_tomorrow").zh == "按积分规则调整"
