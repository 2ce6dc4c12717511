"""Metrics: what is known is there with its unit, what is not is absent; Grafana asks for what exists."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path

import msgspec
from prometheus_client.parser import text_string_to_metric_families

from host.dashboard import metrics, view
from tests.dashboard.test_panels import NOW_NS, full


def samples(shown: view.View | None, current: bool = True) -> dict[str, float]:
    text = metrics.text(shown, current).decode()
    return {
        sample.name + "".join(sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_what_is_known_is_there() -> None:
    found = samples(full())
    assert found["bot4_dashboard_up"] == 1
    assert found["bot4_modeNORMAL"] == 1
    assert found["bot4_modeEMERGENCY"] == 0
    assert found["bot4_mode_since_seconds"] == 5
    assert found["bot4_last_trip_halt_to_ack_seconds"] == 1e-6
    assert found["bot4_audit_unvouched_records"] == 1
    assert found["bot4_audit_unbroken"] == 0
    assert found["bot4_orders_sent_total"] == 1


def test_what_is_not_known_has_no_sample() -> None:
    assert samples(view.View(wall_ns=NOW_NS)) == {"bot4_dashboard_up": 1}
    assert samples(None) == {"bot4_dashboard_up": 1}


def test_old_values_are_not_given_out_as_new_ones() -> None:
    assert samples(full(), current=False) == {"bot4_dashboard_up": 0}


def test_any_text_can_be_a_label() -> None:
    hostile = 'a"b\\c\nd'
    shown = msgspec.structs.replace(full(), watches=[view.Watch(hostile, "ms", 2, 1, None)])
    assert samples(shown)[f"bot4_watchdog_used_ratio{hostile}"] == 0.5


def test_names_carry_prometheus_base_units() -> None:
    for name, *_rest in metrics.TABLE:
        assert not re.search(r"_(ms|us|ns|pct|bytes_mb)(_|$)", name), name


def test_grafana_asks_for_metrics_that_exist_and_leaves_no_family_out() -> None:
    board = json.loads(files("host.dashboard").joinpath("grafana.json").read_text())
    asked = {
        word
        for panel in board["panels"]
        for target in panel["targets"]
        for word in re.findall(r"bot4_\w+", target["expr"])
    }
    counters = {name for name, kind, *_rest in metrics.TABLE if kind is metrics.COUNTER}
    known = {f"bot4_{name}{'_total' if name in counters else ''}" for name, *_rest in metrics.TABLE}
    assert asked <= known | {"bot4_dashboard_up"}
    assert len(asked) > 15
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in board["panels"]]
    assert len(set(places)) == len(places)


def test_the_page_of_the_documents_lists_every_metric() -> None:
    text = (Path(__file__).parents[2] / "docs" / "dashboard.md").read_text(encoding="utf-8")
    counters = {name for name, kind, *_rest in metrics.TABLE if kind is metrics.COUNTER}
    rows = [
        f"| `bot4_{name}{'_total' if name in counters else ''}` | "
        f"{', '.join(f'`{label}`' for label in labels)} | {said} |"
        for name, _kind, labels, said, _read in metrics.TABLE
    ]
    assert [row for row in text.splitlines() if row.startswith("| `bot4_")][1:] == rows
