"""`docs/states.md`, drawn from the tables of dispatch and points: `python -m ops.states [--check]`."""

import sys

from ops.local.state import REPOSITORY
from services.dispatch.domain.states import ORDER_TRANSITIONS, TRANSITIONS
from services.points.domain.activity import TABLE

FILE = REPOSITORY / "docs/states.md"

HEAD = """# 状态机 · State machines

Made by `python -m ops.states` from `services/dispatch/domain/states.py` and `services/points/domain/activity.py`; do not edit.
表中没有的不可能发生。Whatever is not in a table cannot happen: `tests/unit/test_dispatch_states.py` and
`tests/unit/test_points_activities.py` walk them.
"""


def rendered() -> str:
    """The file as it should be."""
    incidents = ["## 事件 · Incident\n", _incident(), _because()]
    return "\n".join(
        [HEAD, *incidents, "\n## 工单 · Work order\n", _order(), "\n## 活动 · Recorded activity\n", _activity()]
    )


def _incident() -> str:
    lines = ["[*] --> reported"]
    for row in TRANSITIONS:
        who = ", ".join(sorted(row.who))
        lines += [f"{source} --> {row.target}: {who}" for source in sorted(row.sources)]
    return _diagram(lines)


def _order() -> str:
    lines = ["[*] --> offered"]
    lines += [f"{source} --> {target}" for source, targets in ORDER_TRANSITIONS.items() for target in sorted(targets)]
    return _diagram(lines)


def _activity() -> str:
    lines = ["[*] --> recorded", *(f"{source} --> {target}: {act}" for (source, act), target in TABLE.items())]
    return _diagram(lines)


def _diagram(lines: list[str]) -> str:
    return "\n".join(["```mermaid", "stateDiagram-v2", *(f"  {line}" for line in lines), "```\n"])


def _because() -> str:
    head = "| from | to | who | reason | because |\n|---|---|---|---|---|\n"
    return head + "\n".join(
        f"| {', '.join(sorted(row.sources))} | {row.target} | {', '.join(sorted(row.who))} "
        f"| {'needed' if row.reason else '-'} | {row.because} |"
        for row in TRANSITIONS
    )


def main(argv: list[str]) -> int:
    """Write the file, or with `--check` say whether it is fresh (exit status 1 if not)."""
    if argv == ["--check"]:
        fresh = FILE.exists() and FILE.read_text(encoding="utf-8") == rendered()
        print("fresh" if fresh else f"{FILE.relative_to(REPOSITORY)} is stale: python -m ops.states")
        return 0 if fresh else 1
    FILE.write_text(rendered(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
