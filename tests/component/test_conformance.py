"""The conformance suite against the embedded broker: the reference passes, a broken subscriber is told which rule it breaks."""

import sys
from pathlib import Path

import pytest

from kit.conformance.__main__ import examine
from ops.local.state import REPOSITORY
from tests.support.broken_subscriber import FAULTS
from tests.support.sandboxes import sandbox
from tests.support.stack import Stack

REFERENCE = REPOSITORY / "kit/subscriber.py"
BROKEN = REPOSITORY / "tests/support/broken_subscriber.py"


def test_the_reference_is_shorter_than_a_hundred_lines_and_needs_aiokafka_alone() -> None:
    text = REFERENCE.read_text()
    assert len(text.splitlines()) < 100
    used = {line.split()[1].partition(".")[0] for line in text.splitlines() if line.startswith(("import ", "from "))}
    assert used - set(sys.stdlib_module_names) == {"aiokafka"}


@pytest.mark.slow
async def test_the_reference_passes(stack: Stack) -> None:
    async with sandbox(stack, "conform-right") as department:
        assert await examine(department, f"{sys.executable} {REFERENCE}") == []


@pytest.mark.slow
async def test_the_one_by_confluent_kafka_passes_too(stack: Stack) -> None:
    client = REPOSITORY / "kit/clients/confluent/subscriber.py"
    async with sandbox(stack, "conform-confluent") as department:
        assert await examine(department, f"{sys.executable} {client}") == []


@pytest.mark.slow
@pytest.mark.parametrize("rule", FAULTS)
async def test_a_broken_subscriber_fails_by_the_rule_it_breaks(
    stack: Stack, rule: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    async with sandbox(stack, f"conform-{rule.replace('_', '-')}") as department:
        findings = await examine(department, f"{sys.executable} {BROKEN} {rule}")
    assert rule in {finding.rule for finding in findings}, findings
    assert "answered" not in {finding.rule for finding in findings}, findings


def test_the_files_are_where_the_guide_says() -> None:
    guide = (REPOSITORY / "docs/department-guide.md").read_text()
    for name in ("kit/subscriber.py", "kit/by_hand.py", "kit.conformance"):
        assert name in guide
        assert Path(REPOSITORY / name.replace(".", "/") if name == "kit.conformance" else REPOSITORY / name).exists()
