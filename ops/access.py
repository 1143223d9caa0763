"""`docs/access.md`, generated from the services' tables of routes: `python -m ops.access [--check]`."""

import sys
from importlib import import_module

from ops.local import plan
from ops.local.state import REPOSITORY
from shared.web.auth import Role
from shared.web.policy import OF_EVERY_PROCESS, Policy, Reach, Rule

FILE = REPOSITORY / "docs/access.md"

ROLES = {
    Role.RIDER: "骑手",
    Role.STAFF: "社区工作人员",
    Role.DEPARTMENT: "部门",
    Role.LEAD: "街道负责人",
    Role.OPERATOR: "运维",
    Role.ADMINISTRATOR: "管理员",
}

REACHES = {
    Reach.NOTHING: ("—", "—"),
    Reach.OWN: ("本人", "own"),
    Reach.SQUAD: ("本小队（队长）", "squad (captains)"),
    Reach.DEPARTMENT: ("本部门", "department"),
    Reach.COMMUNITIES: ("所辖社区", "communities"),
    Reach.SUBDISTRICT: ("本街道", "sub-district"),
}

HEAD = """# 谁能做什么 · Who may do what

Made by `python -m ops.access` from `services/*/policy.py`; do not edit. 未列出的一律拒绝。
Every route is in it: a service does not start with a route that is in no table.

- 本人 own: what the caller made or what is about him.
- 本部门 department: what the caller's department has an order of.
- 所辖社区 communities: incidents at a place of one of the caller's communities (of all in his sub-district, if his
  account names none), and those whose place is uncertain.
- 本街道 sub-district: the caller's own one, never another.
- 所有人 everybody: also without logging in.

Out of scope is answered 404 as if it did not exist (an inbox: 403); a role that may not call a route 403; no valid token 401.
"""


def tables() -> dict[str, Policy]:
    """The table of every service, and what all processes have."""
    found: dict[str, Policy] = {name: import_module(f"services.{name}.policy").POLICY for name in plan.services()}
    return {**found, "所有进程 · every process": OF_EVERY_PROCESS}


def rendered() -> str:
    """The file as it should be."""
    return "\n".join([HEAD, *(_section(title, policy) for title, policy in tables().items())])


def _section(title: str, policy: Policy) -> str:
    head = f"## {title}\n\n| 路由 route | 用途 purpose | 角色 who | 范围 scope |\n|---|---|---|---|\n"
    return head + "".join(_row(name, rule) for name, rule in policy.items())


def _row(name: str, rule: Rule) -> str:
    reach = "、".join(REACHES[one][0] for one in rule.reach), ", ".join(REACHES[one][1] for one in rule.reach)
    scope = reach[0] if reach[0] == reach[1] else " · ".join(reach)
    return f"| `{name}` | {rule.zh} · {rule.en} | {_who(rule)} | {scope} |\n"


def _who(rule: Rule) -> str:
    if rule.roles is None:
        return "所有人 everybody"
    if rule.roles == frozenset(Role):
        return "所有角色 every role"
    return "、".join(f"{ROLES[role]} {role}" for role in Role if role in rule.roles)


def main(argv: list[str]) -> int:
    """Write the file, or with `--check` say whether it is fresh (exit status 1 if not)."""
    if argv == ["--check"]:
        fresh = FILE.exists() and FILE.read_text(encoding="utf-8") == rendered()
        print("fresh" if fresh else f"{FILE.relative_to(REPOSITORY)} is stale: python -m ops.access")
        return 0 if fresh else 1
    FILE.write_text(rendered(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
