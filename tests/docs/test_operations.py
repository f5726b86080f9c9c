"""What docs/operations.md and the files in deploy/ name exists: commands, settings, metrics, reasons, alerts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer

from kiki.cli.main import build_app
from kiki.kit.telemetry import Metrics
from kiki.orchestrator.gauges import Gauges
from kiki.orchestrator.settings import OrchestratorSettings
from kiki.portal.intake.metrics import IntakeMetrics
from kiki.runtime.documentation import documented

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "operations.md").read_text()
DEPLOY = {path.name: path.read_text() for path in sorted((ROOT / "deploy").iterdir())}
SOURCE = "\n".join(path.read_text() for path in (ROOT / "src" / "kiki").rglob("*.py"))


def metrics() -> set[str]:
    """The names as a scrape has them."""
    made = Metrics()
    Gauges(None, made)  # type: ignore[arg-type]  # It is not read.
    IntakeMetrics(made, lambda: 0, lambda: 0)
    return {sample for family in made.registry.collect() for sample in (family.name, f"{family.name}_total")}


def commands() -> set[str]:
    command: Any = typer.main.get_command(build_app())
    found, waiting = set(), [("kiki", command)]
    while waiting:
        path, each = waiting.pop()
        found.add(path)
        waiting += [(f"{path} {name}", inner) for name, inner in getattr(each, "commands", {}).items()]
    return found


def named_commands(text: str) -> set[str]:
    known = commands()
    found = set()
    for words in re.findall(r"(?<![\w/.@-])kiki ((?:[a-z]+ ?)+)", text):
        path = "kiki"
        for word in words.split():
            if f"{path} {word}" not in known:
                break
            path = f"{path} {word}"
        found.add(path if path != "kiki" else f"kiki {words}")
    return found


def test_every_command_that_is_named_exists() -> None:
    spans = " \n ".join(
        one or other for one, other in re.findall(r"`(kiki [^`]+)`|^ {4}(.*kiki .*)$", TEXT, re.MULTILINE)
    )
    assert named_commands(spans) - commands() == set()
    assert {"kiki backup", "kiki restore", "kiki serve", "kiki migrate upgrade"} <= named_commands(spans)


def test_every_setting_that_is_named_exists() -> None:
    known = {variable.name for _, variable in documented()}
    named = set(re.findall(r"\b(?:(?:KIKI|SYNC[A-Z]+)_[A-Z_]+[A-Z]|DATABASE_URL)\b", TEXT + "".join(DEPLOY.values())))
    assert named - known == set()


def test_every_figure_of_the_installation_is_in_the_document() -> None:
    made = Metrics()
    Gauges(None, made)  # type: ignore[arg-type]  # It is not read.
    names = [family.name for family in made.registry.collect()]
    assert len(names) > 15
    assert [name for name in names if name not in TEXT] == []


def test_every_metric_that_is_named_exists() -> None:
    known = metrics()
    for text in (TEXT, DEPLOY["alerts.yaml"]):
        named = set(re.findall(r"\bkiki_[a-z_]+[a-z]\b", text))
        assert named - known == set()


def test_every_alert_says_what_to_do() -> None:
    alerts = re.findall(r"alert: (\w+)", DEPLOY["alerts.yaml"])
    assert len(alerts) == len(set(alerts)) > 10
    assert [alert for alert in alerts if alert not in TEXT] == []
    assert set(re.findall(r"\bKiki[A-Z]\w+", TEXT)) == set(alerts)


def test_every_outcome_that_alerts_name_is_an_answer_of_the_intake() -> None:
    (outcomes,) = re.findall(r'outcome=~"([a-z_|]+)"', DEPLOY["alerts.yaml"])
    answers = (ROOT / "src" / "kiki" / "portal" / "intake" / "answers.py").read_text()
    assert [outcome for outcome in outcomes.split("|") if f'"{outcome}"' not in answers] == []


def test_every_reason_and_log_line_that_is_named_exists() -> None:
    reasons = set(re.findall(r"`([A-Z]+_[A-Z_]+[A-Z])", TEXT)) - {v.name for _, v in documented()}
    reasons = {reason for reason in reasons if not reason.startswith(("KIKI_", "SYNC"))}
    assert [reason for reason in sorted(reasons) if f'"{reason}"' not in SOURCE] == []
    lines = re.findall(r"log `([a-z_]+)`", TEXT)
    assert [line for line in lines if f'"{line}"' not in SOURCE] == []
    assert len(reasons) > 8
    assert len(lines) > 3


@pytest.mark.parametrize("setting", ["delivery_days", "key_days", "history_days", "event_days"])
def test_the_days_that_are_told_are_the_defaults(setting: str) -> None:
    default = OrchestratorSettings.model_fields[setting].default
    assert f"`SYNCWORKER_{setting.upper()}` ({default})" in TEXT


def test_units_are_started_as_commands_that_exist() -> None:
    for name, text in DEPLOY.items():
        for line in re.findall(r"^ExecStart=(.*)$", text, re.MULTILINE):
            assert named_commands(line.replace("/opt/kiki/.venv/bin/kiki", " kiki")) <= commands(), name
