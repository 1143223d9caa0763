"""What watches the house: the dashboard is fresh, every metric exists, every alert speaks and has its section in the runbook."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from ops import dashboards
from ops.dashboards import Panel, UnknownMetric
from ops.local.state import REPOSITORY, state_folder

PROMETHEUS = REPOSITORY / "deploy/prometheus"
PROVISIONING = REPOSITORY / "deploy/grafana/provisioning"
RUNBOOK = (REPOSITORY / "docs/runbook.md").read_text()
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def _load(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def _rules() -> list[dict[str, Any]]:
    return [rule for group in _load(PROMETHEUS / "alerts.yml")["groups"] for rule in group["rules"]]


def test_dashboard_is_fresh() -> None:
    assert dashboards.FILE.read_text() == dashboards.rendered(), "python -m ops.dashboards"


def test_check_tells_a_stale_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dashboards, "REPOSITORY", tmp_path)
    monkeypatch.setattr(dashboards, "FILE", tmp_path / "dashboard.json")
    assert dashboards.main(["--check"]) == 1
    assert dashboards.main([]) == 0
    assert dashboards.main(["--check"]) == 0


def test_a_panel_of_an_unknown_metric_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = Panel("邮箱 · Mail", "short", {"": "sum(rate(qianshao_outbox_publshed_total[5m]))"})
    monkeypatch.setattr(dashboards, "ROWS", {"一 · One": (wrong,)})
    with pytest.raises(UnknownMetric, match="邮箱 · Mail: no process exports qianshao_outbox_publshed_total"):
        dashboards.rendered()


def test_every_metric_of_ours_is_on_the_dashboard() -> None:
    ours = {name for name in dashboards.exported(dashboards.worker_registry()) if name.startswith("qianshao_")}
    shown = set(dashboards._NAME.findall(dashboards.FILE.read_text()))
    families = {re.sub(r"_(bucket|count|sum)$", "", name) for name in ours}
    assert families <= {re.sub(r"_(bucket|count|sum)$", "", name) for name in shown}


def test_titles_are_in_chinese_first_and_places_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in json.loads(dashboards.FILE.read_text())["panels"]:
        title, place = panel["title"], panel["gridPos"]
        assert CHINESE.match(title), title
        assert " · " in title, title
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, title
        assert place["x"] + place["w"] <= 24
        taken |= cells


def test_grafana_finds_dashboard_and_datasource() -> None:
    (source,) = _load(PROVISIONING / "datasources/prometheus.yaml")["datasources"]
    assert (source["type"], source["uid"]) == (dashboards.DATASOURCE["type"], dashboards.DATASOURCE["uid"])
    grafana = _load(REPOSITORY / "docker-compose.yml")["services"]["grafana"]
    assert source["url"].removeprefix("$") in grafana["environment"]
    (provider,) = _load(PROVISIONING / "dashboards/qianshao.yaml")["providers"]
    mounted = dict(reversed(volume.split(":")[:2]) for volume in grafana["volumes"])
    assert REPOSITORY / mounted[provider["options"]["path"]] == dashboards.FILE.parent
    assert REPOSITORY / mounted["/etc/grafana/provisioning"] == PROVISIONING


def test_alerts_use_metrics_that_exist() -> None:
    known = dashboards.exported(dashboards.worker_registry())
    for rule in _rules():
        used = set(dashboards._NAME.findall(rule["expr"]))
        assert used, rule["alert"]
        assert used <= known, rule["alert"]


def test_every_alert_has_its_section_in_the_runbook() -> None:
    names = [rule["alert"] for rule in _rules()]
    assert {"OutboxStuck", "OutboxParked", "BreakerOpen", "DeadLetters", "HttpErrors", "ProcessDown"} <= set(names)
    for rule in _rules():
        anchor = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", rule["alert"]).lower()
        assert rule["annotations"]["runbook"] == f"docs/runbook.md#{anchor}"
        assert rule["labels"]["severity"] in ("page", "ticket")
        _, found, section = RUNBOOK.partition(f'<a id="{anchor}"></a>\n## {rule["alert"]} ')
        assert found, rule["alert"]
        for part in ("含义", "查看", "处理", "结束"):
            assert part in section.partition("\n<a id=")[0], f"{rule['alert']}: {part}"


def test_every_link_in_the_runbook_leads_somewhere() -> None:
    for anchor in re.findall(r"\]\(#([\w-]+)\)", RUNBOOK):
        assert f'<a id="{anchor}">' in RUNBOOK, anchor


def test_every_alert_is_tested_silent_and_speaking() -> None:
    good, bad = _load(PROMETHEUS / "alerts_test.yml")["tests"]
    silent = {test["alertname"] for test in good["alert_rule_test"] if not test.get("exp_alerts")}
    speaking = {test["alertname"] for test in bad["alert_rule_test"] if test.get("exp_alerts")}
    assert silent == speaking == {rule["alert"] for rule in _rules()}


def test_promtool_finds_the_rules_right() -> None:
    tool = _promtool()
    if tool is None:  # a machine without apt: what the tests above say of the rules has to do
        return
    for arguments in (
        ("check", "rules", "alerts.yml"),
        ("test", "rules", "alerts_test.yml"),
        ("check", "config", "prometheus.yml"),
    ):
        result = subprocess.run([tool, *arguments], cwd=PROMETHEUS, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stdout + result.stderr


def _promtool() -> Path | None:
    """The one on PATH, else Debian's, unpacked without installing it, so that no server starts. Kept for the next time."""
    if found := shutil.which("promtool"):
        return Path(found)
    folder = state_folder().resolve() / "tools"
    tool = folder / "prometheus/usr/bin/promtool"
    if not tool.exists() and shutil.which("apt-get") and shutil.which("dpkg"):
        folder.mkdir(parents=True, exist_ok=True)
        download = ["apt-get", "download", "-q", "prometheus"]
        subprocess.run(download, cwd=folder, capture_output=True, check=False, timeout=90)
        for package in folder.glob("prometheus_*.deb"):
            subprocess.run(["dpkg", "-x", package, folder / "prometheus"], capture_output=True, check=False, timeout=60)
            package.unlink()
    return tool if tool.exists() else None
