"""The reader: looks at the host a few times a second and sends what it sees down the pipe."""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from host.config import Config, ConfigError, load
from host.dashboard import view
from host.dashboard.costs import Apart
from host.dashboard.live import Live
from host.dashboard.pages import FORECAST
from host.dashboard.story import Story
from host.dashboard.tail import Tail
from host.engine.checks.limits import number
from host.modes import LIMIT_SHARE, TradingMode

PERIOD_S = 0.25
# The guard's answer costs it something.
GUARD_PERIOD_S = 0.5
# Turns in a row that may read a log which is behind, before the page is sent again.
CATCH_UP = 8


class Reader:
    """One host.

    audit_dir, config -- where the guard's own command line does not say
    """

    def __init__(
        self, run_dir: Path, audit_dir: Path | None = None, config: Path | None = None
    ) -> None:
        self._run_dir = run_dir
        self._given_audit_dir = audit_dir
        self._given_config = config
        self._config: Config | None = None
        self._config_why = ""
        self._config_seen: tuple[int, int] | None = None
        self._tail: Tail | None = None
        self._tail_why = "no log is known: no guard has been seen, and no --audit-dir is given"
        self._story = Story()
        self._costs = Apart()
        self._asked_s = -1e9
        self.live = Live(run_dir)

    def run(self, pipe: int) -> None:
        """Send views until the other end has closed. Nothing is sent that is not whole."""
        encoder = msgspec.json.Encoder()
        while True:
            line = encoder.encode(self.look()) + b"\n"
            try:
                while line:
                    line = line[os.write(pipe, line) :]
            except BrokenPipeError:
                return
            time.sleep(PERIOD_S)

    def look(self) -> view.View:
        """Return everything as it can be seen now. Raises nothing for what it finds."""
        now_s = time.monotonic()
        if now_s - self._asked_s >= GUARD_PERIOD_S:
            self._asked_s = now_s
            self.live.ask()
        self._read_config()
        self._read_log()
        if self._config is not None:
            self._costs.turn(self._config.enrichment, now_s)
        guard, watches, last = self.live.guard, self.live.watches(), self.live.forecast()
        account = self._story.account()
        return view.View(
            wall_ns=time.time_ns(),
            sources=list(self._sources()),
            guard=guard,
            since_wall_ns=self._story.since(guard.epoch) if guard else None,
            watches=watches,
            trips=self._story.trips(),
            account=account,
            forecast=last,
            gauges=self._gauges(guard, account, last),
            enrichment=self._costs.last,
            log=self._log(),
            alerts=self._story.alerts(),
        )

    # -- sources ----------------------------------------------------------------------------

    def _sources(self) -> Iterator[view.Source]:
        why = self.live.pages.why
        pages = "; ".join(text for name, text in why.items() if name != FORECAST)
        yield _source("guard", self.live.guard_why)
        yield _source("audit log", self._tail_why)
        yield _source("configuration", self._config_why)
        yield _source("forecast", why.get(FORECAST, ""))
        yield _source("pages", pages if self.live.status is not None else "no guard")

    def _read_config(self) -> None:
        """Read the configuration that the host runs under, again when it is another one."""
        path = self._given_config or self._run_dir / "config.toml"
        try:
            found = path.stat()
            seen = found.st_ino, found.st_mtime_ns
            if seen == self._config_seen:
                return
            self._config, self._config_why, self._config_seen = load(path), "", seen
            self._costs.forget()
        except OSError as error:
            self._config, self._config_seen = None, None
            self._config_why = f"{path}: {error.strerror}"
        except ConfigError as error:
            self._config, self._config_why, self._config_seen = None, str(error), seen

    def _read_log(self) -> None:
        directory = self._given_audit_dir or self._audit_dir_of_guard()
        if directory is None and self._tail is None and self._config is not None:
            directory = Path(self._config.host.audit_dir).expanduser()
        if directory is not None and (self._tail is None or self._tail.directory != directory):
            self._follow(directory)
        if self._tail is None:
            return
        try:
            for _turn in range(CATCH_UP):
                for record in self._tail.read():
                    self._story.take(record)
                if not self._tail.behind_bytes:
                    break
            self._tail_why = "" if self._tail.followed else f"{self._tail.directory}: nothing yet"
        except OSError as error:
            self._tail_why = f"{self._tail.directory}: {error.strerror}"

    def _follow(self, directory: Path) -> None:
        if self._tail is not None:
            self._tail.close()
        self._tail, self._story = Tail(directory), Story()

    def _audit_dir_of_guard(self) -> Path | None:
        """Return the folder that the running guard was started with; None where it does not say."""
        pid = self.live.guard_pid
        if pid is None:
            return None
        with contextlib.suppress(OSError, ValueError, IndexError):
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            named = Path(os.fsdecode(words[words.index(b"--audit-dir") + 1]))
            return Path(f"/proc/{pid}/cwd").resolve() / named
        return None

    # -- what follows from several ----------------------------------------------------------

    def _gauges(
        self, guard: view.Guard | None, account: view.Account, last: view.Forecast | None
    ) -> list[view.Gauge]:
        """Return the shares of the equity that are used, and the limits of this mode."""
        share = LIMIT_SHARE.get(TradingMode[guard.mode], 1.0) if guard else 1.0
        value, equity = self._story.position_value(), account.equity
        exposed = None if value is None or equity is None or equity <= 0 else value / equity
        var = _product(exposed, last.var_share if last else None)
        cvar = _product(exposed, last.cvar_share if last else None)
        return [
            self._gauge("VaR", var, "max_var_share", share),
            self._gauge("CVaR", cvar, "max_cvar_share", share),
            self._gauge("exposure", exposed, "max_exposure_share", share),
            self._gauge("drawdown", account.drawdown, "max_drawdown_share", 1.0),
        ]

    def _gauge(self, name: str, now: float | None, key: str, share: float) -> view.Gauge:
        if self._config is None:
            return view.Gauge(name, now, None)
        most = number(getattr(self._config.limits, key))
        loosened = math.isinf(most)
        return view.Gauge(name, now, None if loosened else most * share, loosened)

    def _log(self) -> view.Log:
        tail, story = self._tail, self._story
        if tail is None or tail.last is None:
            return view.Log(broken=tail.broken if tail else "")
        receipt, at_ns = story.receipt or ({}, None)
        size: int | None = None
        with contextlib.suppress(OSError):
            size = tail.size_bytes()
        return view.Log(
            records=tail.last.seq,
            head=tail.last.hash,
            wall_ns=tail.last.wall_ns,
            followed=tail.followed,
            broken=tail.broken,
            behind_bytes=tail.behind_bytes,
            size_bytes=size,
            closed=story.closed,
            failing=self.live.failing(),
            receipt_count=receipt.get("count"),
            receipt_number=receipt.get("number"),
            receipt_epoch=receipt.get("epoch"),
            receipt_wall_ns=at_ns,
        )


def _product(*factors: float | None) -> float | None:
    known = [factor for factor in factors if factor is not None]
    return math.prod(known) if len(known) == len(factors) else None


def _source(name: str, why: str) -> view.Source:
    """A path or a system's text may hold what no JSON can."""
    return view.Source(name, not why, why.encode(errors="replace").decode())
