"""The engine's loop: one thread, no waiting but for its sockets."""

import select
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from host import layout, modes, refusals, shm
from host.config import Config
from host.engine.account import FEED, TRADE, Account
from host.engine.checks.limits import loosened, number
from host.engine.conditions import Conditions
from host.engine.deadman import Deadman
from host.engine.emergency.ladder import Ladder
from host.engine.emergency.progress import Progress
from host.engine.enrichment import Opinions
from host.engine.forecasts import Forecasts
from host.engine.ledger import Ledger
from host.engine.port import VenuePort
from host.engine.predictor import Predictor
from host.engine.provenance import Ids
from host.engine.reconciler import Reconciler
from host.engine.sizing import Sizing
from host.engine.trader import Trader
from host.execution.journal import Journal, next_run
from host.execution.repricing import Policy
from host.guard.client import GuardClient
from host.hotpath.gate import Gate
from host.hotpath.riskcheck import RiskCheck
from host.modes import Intent, Reason, TradingMode
from host.venues.settings import Venue

HEARTBEAT_MS = 5
# What an event with fields missing, of another type or out of range makes of reading it.
BAD_EVENT = (KeyError, TypeError, ValueError, ArithmeticError, msgspec.MsgspecError)
# Of the messages a second that the limits permit, and what is taken where they permit any number.
REPRICING_SHARE, MOST_MESSAGES = 0.25, 1_000


class Engine:
    """Trades one instrument at one venue; its orders at every venue pass its one gate."""

    def __init__(
        self,
        guard: GuardClient,
        config: Config,
        socket: str,
        progress: Progress,
        forecasts: Forecasts,
        run_dir: Path,
        predictor: Predictor | None = None,
    ) -> None:
        self.running = True
        self.page = shm.create(layout.KIND_ENGINE, "engine")
        self._beat()
        self._guard = guard
        self._config = config
        venues = config.venues(socket)
        unfinished = progress.unfinished()
        reply, self._guard_page, fds = guard.attach("engine", self.page)
        self._emergency = True
        self._confirmed = self._stale = False
        self._fits = 0.0, 0.0
        self._conditions = Conditions(self.page.words)
        self._checks = RiskCheck(config.limits)
        self._journals = {venue.name: journal(run_dir, venue.name) for venue in venues}
        run = next_run([*self._journals.values()], time.time_ns() // 1_000_000)
        for held in self._journals.values():
            held.begin(run)
        who = config.strategy
        self._ids = Ids(who.id, run)
        self._ledger = Ledger(self._ids.run, who.id, who.venue, self.event)
        self._gate = make_gate(self._guard_page, self.page, reply, fds)
        self._poller = select.poll()
        self._accounts = {venue.name: self._account(venue, run_dir) for venue in venues}
        self._traded = self._accounts[config.strategy.venue]
        self._ladder = Ladder(
            [account.port for account in self._accounts.values()],
            config.emergency,
            progress,
            self.event,
            lambda epoch: guard.tell(op="liquidate", epoch=epoch),
            lambda: self._guard_page.words.load(layout.GUARD_LADDER_TOKEN),
            {venue.name: venue.deadlines(config.emergency) for venue in venues},
        )
        self._forecasts = forecasts
        self._sizing = Sizing(config.strategy, config.limits)
        self._opinions = self._make_opinions(run_dir)
        self._trader = Trader(
            config.strategy,
            self._sizing,
            forecasts,
            self._checks,
            lambda: self._traded.manager,
            self._ids,
            self._traded.port,
            lambda: self._ladder.done and self._traded.reconciler.agreed,
            self.event,
            self._opinions,
            predictor,
            config.costs.least_edge(self._sizing.position_value),
        )
        for rail, why in loosened(config.limits).items():
            self.event("rail_loosened", rail=rail, why=why[:200])
        if unfinished is not None:
            self.event("ladder_unfinished", reason=unfinished.name)
            guard.tell(op="resume", reason=unfinished.name)

    def run(self) -> None:
        """Serve until `running` is cleared or the guard is gone (then the supervisor restarts us)."""
        self._poller.register(self._guard.sock, select.POLLIN)
        while self.running:
            for account in self._accounts.values():
                account.reach(time.monotonic_ns())
            for fd, _event in self._poller.poll(HEARTBEAT_MS):
                if fd == self._guard.sock.fileno():
                    self._guard.receive()  # it says nothing to us: an end of the connection raises
                    continue
                if self._opinions is not None and self._opinions.hear(fd):
                    continue
                for account in self._accounts.values():
                    for event in account.hear(fd):
                        self._take_or_doubt(account, event)
            self._follow_mode()
            self._follow_conditions()
            if (
                self._ladder.done and self._traded.reconciler.agreed
            ):  # before, nobody knows what there is
                now_ns = time.monotonic_ns()
                self._ledger.look(now_ns, self._trader.equity, self._mode()[0].name)
            if self._opinions is not None:
                self._opinions.turn(time.monotonic_ns())
            self._beat()
        self._ledger.close()
        if self._opinions is not None:
            self._opinions.close()

    def event(self, kind: str, **data: Any) -> None:
        """Push one event into the ring that the recorder reads."""
        if kind == "order":
            self._ledger.ordered()
        record = {"kind": kind, "mono_ns": time.monotonic_ns(), "data": data}
        self.page.ring.push(msgspec.json.encode(record))

    def _make_opinions(self, run_dir: Path) -> Opinions | None:
        wanted, symbol = self._config.enrichment, self._config.strategy.instrument
        if not wanted.enabled:
            return None
        return Opinions(wanted, symbol, run_dir, self._poller, self.event)

    def _account(self, venue: Venue, run_dir: Path) -> Account:
        wanted, who = self._config.reconciliation, self._config.strategy
        port = VenuePort(
            venue.name,
            self._gate,
            self._ids,
            self._journals[venue.name],
            self._checks,
            number(self._config.limits.max_data_age_s) * 1e9,
            lambda: self._mode()[2],
            lambda: modes.liquidates(self._mode()[1], self._config.emergency.on_kill),
            venue.reduce_only,
        )

        def alert(code: str, **data: Any) -> None:
            self.event("alert", code=code, venue=venue.name, **data)

        def tell(kind: str, **data: Any) -> None:
            self.event(kind, venue=venue.name, **data)

        reconciler = Reconciler(
            self._ids,
            port.journal,
            wanted.period_ms,
            wanted.deadline_ms,
            port.ask,
            alert,
            tell,
        )
        port.explained = lambda: not reconciler.strange if reconciler.agreed else None
        traded = venue.name == who.venue
        return Account(
            venue.at(run_dir),
            (TRADE, FEED) if traded else (TRADE,),
            port,
            policy(self._config),
            reconciler,
            Deadman(venue.deadman_s, port.ask, alert),
            lambda: self._ids.make(who.id, self._mode()[2]),
            self._poller,
            tell,
        )

    def _beat(self) -> None:
        self.page.words.store(layout.ENGINE_HEARTBEAT_NS, time.monotonic_ns())

    def _mode(self) -> tuple[TradingMode, Reason, int]:
        return modes.unpack(self._guard_page.words.load(layout.GUARD_MODE))

    # -- venues -----------------------------------------------------------------------------

    def _take_or_doubt(self, account: Account, event: dict[str, Any]) -> None:
        """Take one event; one that cannot be read is an alarm, and everything is asked anew."""
        try:
            self._take(account, event)
        except BAD_EVENT as error:
            self.event("alert", code="BAD_EVENT", venue=account.name, why=repr(error)[:200])
            account.reconciler.restart()

    def _take(self, account: Account, event: dict[str, Any]) -> None:
        now_ns = time.monotonic_ns()
        if account is self._traded:
            self._ledger.heard(event)
        match event["ev"]:
            case "bar" | "trade" | "quote":
                self._trader.take_row(event)
                return
            case "welcome" if event["role"] == TRADE:
                self._ladder.restart(account.name, now_ns)
            case "end":
                self.event("feed_ended", rows=event["rows"])
            case "fill":
                self._checks.executed(now_ns)
                told = {key: event[key] for key in event if key != "ev"}
                self.event("fill", venue=account.name, **told)
            case "reject" | "cancelled":
                why = event.get("reason", "")
                self.event(event["ev"], venue=account.name, id=event["id"], reason=why)
        account.take(event, now_ns, self._active(account))
        self._ladder.take(account.name, event, now_ns)

    def _active(self, account: Account) -> bool:
        """Return True while stops and targets may be placed: in an emergency the ladder decides."""
        return (
            account is self._traded
            and account.reconciler.agreed
            and self._ladder.done
            and self._gate.permit(Intent.REDUCE) == refusals.SENT
        )

    # -- modes ------------------------------------------------------------------------------

    def _follow_conditions(self) -> None:
        now_ns, accounts = time.monotonic_ns(), self._accounts.values()
        # In an emergency the loss is news only where it takes the ladder further.
        on_kill = self._config.emergency.on_kill
        news = not self._emergency or modes.escalates(self._mode()[1], Reason.DRAWDOWN, on_kill)
        standing = {
            Reason.VENUE_LOST: any(account.lost(now_ns) for account in accounts),
            Reason.FEED_LOST: self._traded.blind,
            Reason.UNKNOWN_ORDER: any(account.reconciler.strange for account in accounts),
            Reason.DRAWDOWN: self._checks.lost and news,
            Reason.FORECAST_STALE: self._follow_forecast(now_ns),
        }
        for reason, stands in standing.items():
            self._conditions.set(reason, stands)

    def _follow_forecast(self, now_ns: int) -> bool:
        """Return True when the forecast is too old for limits that need one; changes are on record."""
        age_s = self._forecasts.look(now_ns)
        stale = self._sizing.needs_forecast and not age_s <= self._sizing.most_age_s
        last = self._forecasts.last
        if stale != self._stale:
            self._stale = stale
            told = last._asdict() if last is not None else {}
            self.event("forecast_stale" if stale else "forecast_fresh", age_s=age_s, **told)
        elif last is not None and (last.fits, last.failures) != self._fits:
            self._fits = last.fits, last.failures
            self.event("model_fitted" if not last.failures else "fit_failed", **last._asdict())
        return stale

    def _follow_mode(self) -> None:
        mode, reason, epoch = self._mode()
        now_ns = time.monotonic_ns()
        if mode == TradingMode.EMERGENCY and self._ladder.epoch != epoch:
            self._emergency, self._confirmed = True, False
            self._ladder.begin(epoch, reason, now_ns)
        self._confirmed = self._ladder.tick(now_ns) or self._confirmed
        stopped = mode == TradingMode.EMERGENCY
        for account in self._accounts.values():
            account.tick(now_ns, self._active(account), stopped and self._ladder.done)
        if self._confirmed and all(a.reconciler.agreed for a in self._accounts.values()):
            self._confirmed = False
            self._worked_off()
        if stopped:
            return
        if self._emergency:
            self._emergency = False
            self._checks.rearmed()
        manager = self._traded.manager
        if mode == TradingMode.PAUSED and manager is not None:
            manager.cancel_entries(now_ns)

    def _worked_off(self) -> None:
        """Every venue has confirmed everything, and all of it agrees: let a person re-arm."""
        for account in self._accounts.values():
            account.worked_off()
        # What latched is lowered here, before the re-arm, or it would step down again at once; the
        # checks themselves go on refusing until a person has re-armed.
        self._follow_conditions()
        self._guard.tell(op="ladder", epoch=self._ladder.epoch)


def journal(run_dir: Path, venue: str) -> Journal:
    """Return the journal of one venue. Raises OSError when it cannot be had."""
    return Journal(run_dir / f"orders-{venue}.journal")


def policy(config: Config) -> Policy:
    """Return how positions are protected; repricing may use a part of the messages."""
    who, most = config.strategy, number(config.limits.max_messages_per_s)
    target = None if who.target_distance_bps is None else Decimal(str(who.target_distance_bps))
    per_s = max(1, int(min(most, MOST_MESSAGES) * REPRICING_SHARE))
    stop = Decimal(str(who.stop_distance_bps))
    return Policy(stop, target, per_s=per_s, burst=2 * per_s, reserve=per_s)


def make_gate(guard: shm.Page, own: shm.Page, reply: dict[str, Any], fds: list[int]) -> Gate:
    """Build the gate from what the guard handed over. Raises ValueError when it is not enough."""
    if len(fds) != 1:
        raise ValueError("the guard handed over no way to read the HALT level")
    if reply["level"] == "ioctl":
        return Gate(guard.words, own.words, level_fd=fds[0])
    return Gate(guard.words, own.words, levels=shm.level_words(fds[0]), level_index=reply["word"])
