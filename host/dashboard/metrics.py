"""The view as Prometheus metrics: one table. What is not known has no sample, never a zero."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from host.dashboard.view import Guard, View
from host.modes import TradingMode

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
Sample = tuple[tuple[str, ...], float | None]


def _one(value: float | None) -> list[Sample]:
    return [((), value)]


def _mode(view: View) -> Iterable[Sample]:
    guard = view.guard
    return [((mode.name,), float(guard.mode == mode.name)) for mode in TradingMode] if guard else []


def _of(part: object, name: str, factor: float = 1.0) -> float | None:
    value = getattr(part, name, None)
    return None if value is None else value * factor


def _level(guard: Guard | None, line: str) -> float | None:
    return None if guard is None else float(getattr(guard, line) == "high")


def _contacts(view: View) -> Iterable[Sample]:
    inputs = view.guard.inputs if view.guard else None
    return [((name,), float(inputs[name])) for name in ("SWITCH_A", "SWITCH_B")] if inputs else []


def _faults(view: View) -> Iterable[Sample]:
    faults = view.guard.faults if view.guard else None
    return _one(None if faults is None else len(faults))


def _trip(name: str) -> Callable[[View], list[Sample]]:
    def read(view: View) -> list[Sample]:
        value = getattr(view.trips[0], name) if view.trips else None
        return _one(None if value is None else value / 1e6)

    return read


def _unvouched(view: View) -> list[Sample]:
    log = view.log
    if log.records is None or log.receipt_count is None:
        return []
    return _one(max(0, log.records - log.receipt_count))


def _age(wall_ns: int | None, view: View) -> float | None:
    return None if wall_ns is None else max(0.0, (view.wall_ns - wall_ns) / 1e9)


# name, kind, labels, help, what is read. Units are Prometheus's base units.
GAUGE, COUNTER = GaugeMetricFamily, CounterMetricFamily
TABLE: tuple[tuple[str, Any, tuple[str, ...], str, Callable[[View], Iterable[Sample]]], ...] = (
    ("source_up", GAUGE, ("source",), "1 while this source can be read",
     lambda v: [((s.name,), float(s.ok)) for s in v.sources]),
    ("mode", GAUGE, ("mode",), "1 for the mode that stands", _mode),
    ("mode_since_seconds", GAUGE, (), "time in this mode",
     lambda v: _one(_age(v.since_wall_ns, v))),
    ("epoch", GAUGE, (), "counts every change of the mode", lambda v: _one(_of(v.guard, "epoch"))),
    ("halt_high", GAUGE, (), "level of HALT: 0 is halt",
     lambda v: _one(_level(v.guard, "halt"))),
    ("ack_high", GAUGE, (), "level of ACK", lambda v: _one(_level(v.guard, "ack"))),
    ("contact_open", GAUGE, ("contact",), "1 while this contact of the switch is open",
     _contacts),
    ("lamp_lit", GAUGE, ("lamp",), "LED as read back",
     lambda v: [((n,), float(lit)) for n, lit in v.guard.lamps.items()] if v.guard else []),
    ("faults", GAUGE, (), "faults that stand at the controller",
     _faults),
    ("orders_sent", COUNTER, (), "orders through the gate",
     lambda v: _one(_of(v.guard, "orders_sent"))),
    ("orders_refused", COUNTER, (), "orders that the gate refused",
     lambda v: _one(_of(v.guard, "orders_refused"))),
    ("watchdog_used_ratio", GAUGE, ("watchdog",), "share of the limit that was used",
     lambda v: [((w.name,), None if w.used is None else w.used / w.limit) for w in v.watches]),
    ("watchdog_worst_ratio", GAUGE, ("watchdog",), "worst share in the last minute",
     lambda v: [((w.name,), None if w.worst is None else w.worst / w.limit) for w in v.watches]),
    ("last_trip_seen_to_ack_seconds", GAUGE, (), "host's clock", _trip("emergency_to_ack_us")),
    ("last_trip_waited_for_send_seconds", GAUGE, (), "part of it", _trip("waited_us")),
    ("last_trip_halt_to_ack_seconds", GAUGE, (), "controller's clock", _trip("halt_to_ack_us")),
    ("last_trip_epoch", GAUGE, (), "epoch that the last trip on record began",
     lambda v: _one(v.trips[0].epoch if v.trips else None)),
    ("equity", GAUGE, (), "quote currency, as of the last order", lambda v: _one(v.account.equity)),
    ("position", GAUGE, ("venue",), "base units",
     lambda v: [((n,), float(q)) for n, q in (v.account.positions or {}).items()]),
    ("risk_ratio", GAUGE, ("measure",), "share of the equity",
     lambda v: [((g.name,), g.now) for g in v.gauges]),
    ("risk_limit_ratio", GAUGE, ("measure",), "its limit in this mode",
     lambda v: [((g.name,), g.limit) for g in v.gauges]),
    ("forecast_age_seconds", GAUGE, (), "age of the forecast",
     lambda v: _one(_of(v.forecast, "age_s"))),
    ("forecast_sigma_ratio", GAUGE, (), "volatility of the next bar",
     lambda v: _one(_of(v.forecast, "sigma_pct", 0.01))),
    ("enrichment_spent_usd", GAUGE, (), "in this month",
     lambda v: _one(_of(v.enrichment, "spent_usd"))),
    ("enrichment_limit_usd", GAUGE, (), "of a month",
     lambda v: _one(_of(v.enrichment, "limit_usd"))),
    ("enrichment_net_quote", GAUGE, (), "gain less cost, quote currency",
     lambda v: _one(_of(v.enrichment, "net_quote"))),
    ("audit_records", GAUGE, (), "number of the last record", lambda v: _one(v.log.records)),
    ("audit_unbroken", GAUGE, (), "0 once the log was seen to be other than written",
     lambda v: _one(float(not v.log.broken) if v.log.records is not None else None)),
    ("audit_unvouched_records", GAUGE, (), "after the witness's last receipt", _unvouched),
    ("audit_receipt_age_seconds", GAUGE, (), "of the witness's last receipt",
     lambda v: _one(_age(v.log.receipt_wall_ns, v))),
    ("audit_failing", GAUGE, (), "1 while the log cannot be written",
     lambda v: _one(None if v.log.failing is None else float(v.log.failing))),
)  # fmt: skip


class _Once(Collector):
    def __init__(self, view: View | None, current: bool) -> None:
        self._view, self._current = view, current

    def collect(self) -> Iterator[Any]:
        """Yield every metric of which anything is known. Old values are not given out as new ones."""
        up = GaugeMetricFamily("bot4_dashboard_up", "1 while what is shown is of now")
        up.add_metric([], float(self._current))
        yield up
        if self._view is None or not self._current:
            return
        for name, kind, labels, said, read in TABLE:
            family = kind(f"bot4_{name}", said, labels=labels)
            for values, value in read(self._view):
                if value is not None:
                    family.add_metric(list(values), value)
            if family.samples:
                yield family


def text(view: View | None, current: bool) -> bytes:
    """Return the metrics in Prometheus's text format. current -- False: `view` is an old one"""
    registry = CollectorRegistry()
    registry.register(_Once(view, current))
    return generate_latest(registry)
