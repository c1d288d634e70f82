"""Every metric in the dashboard and the alerts is one that the server exports."""

import json
import re
from pathlib import PurePosixPath

from scripted_engine import ScriptedEngine

from zelitrio.deploy import Target, render
from zelitrio.server.metrics import Metrics


def test_every_metric_that_is_asked_for_is_exported() -> None:
    metrics = Metrics(ScriptedEngine())
    metrics.used("app", 1)
    metrics.refused_key("app", "quota_exceeded")
    metrics.queued(0.01)
    metrics.computed("voice", 0.1, 1.0)
    exported = set(re.findall(r"^# TYPE (\w+)", metrics.expose().decode(), re.MULTILINE))
    text = render("grafana", Target())[PurePosixPath("zelitrio.dashboard.json")]
    panels = json.loads(text)["panels"]
    expressions = " ".join(target["expr"] for panel in panels for target in panel["targets"])
    expressions += " " + render("prometheus", Target())[PurePosixPath("zelitrio.rules.yml")]
    asked = set(re.findall(r"(?<![\w:])zelitrio_\w+", expressions))
    assert len(asked) > 8
    for name in asked:
        assert {name, name.removesuffix("_bucket"), name.removesuffix("_total")} & exported, name
