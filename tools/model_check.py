"""Explicit-state exploration of the real controller: every state, every event, bounded times.

    python -m tools.model_check [--long] [--states N]

The code that runs is controller.core with everything below it but the link. In the link's
place stands one that may report anything at any moment: session, live host, each message and
each refusal. That is more than the real link can do, so what holds here holds with it. When
it may call a host live is the watchdog's part, explored on its own in `explore_watchdog`.

Times are cut down to a few milliseconds and ages are clipped just above their limits: the code
compares ages with limits and with nothing else. Attributes are part of the state unless they
are listed here with a reason, so a new one cannot be overlooked.
"""

import argparse
import sys
import time
from collections.abc import Callable
from typing import Any

from controller import leds, mac, reasons, states, watchdog
from controller.core import Controller
from controller.times import TICK_MASK, Times

SMALL = {
    "rearm_hold_ms": 2,
    "rearm_debounce_ms": 1,
    "discrepancy_ms": 1,
    "ack_missing_ms": 0,
    "mode_follows_ms": 1,
    "persist_after_trip_ms": 1,
    "persist_period_ms": 2,
}
LAMP_TEST_MS = (1, 0, 0)
HEAD = b"h" * 32

# Attributes that hold a time: (object, attribute) -> the largest age that still matters.
AGES = {
    ("controller", "_begun_ms"): 1,
    ("rearm", "_quiet_ms"): 1,
    ("rearm", "_held_ms"): 2,
    ("rearm", "_differ_ms"): 2,
    ("ack", "_fell_ms"): 1,
    ("agreement", "_since_ms"): 2,
    ("witness", "_kept_ms"): 2,
}
IGNORED = {
    ("controller", "_now_ms"): "the present",
    ("controller", "_uptime_us"): "only told",
    ("controller", "counts"): "only told",
    ("controller", "_epoch"): "only compared: see key()",
    ("controller", "_armed_epoch"): "only compared: see key()",
    ("ack", "_fell_us"): "only told",
    ("faults", "bits"): "only told",
    ("faults", "counts"): "only told; `blocked` is the part that decides",
    ("witness", "count"): "the stand-in host always shows a higher one, or refuses",
    ("witness", "number"): "only told",
    ("witness", "head"): "only told",
    ("witness", "epoch"): "only told",
    ("link", "counts"): "only told",
    ("link", "finding"): "consumed within the pass",
    ("link", "missed"): "consumed within the pass",
}
WHOLE_OBJECTS_IGNORED = {
    "_reporter": "only tells",
    "events": "only told; its order and overflow have tests of their own",
    "measured_ack_us": "only told",
    "_times": "constant",
}


class Broken(AssertionError):
    """An invariant does not hold."""


def require(holds: object, what: str) -> None:
    """Raise Broken unless `holds`."""
    if not holds:
        raise Broken(what)


class AnyLink:
    """A link that reports whatever the explorer wants."""

    def __init__(self) -> None:
        self.counts = {"noise": 0, "refused": 0, "sessions": 0}
        self.linked = False
        self.live = False
        self.finding: list[tuple] = []
        self.missed = False

    def established(self) -> bool:
        return self.linked

    def host_is_live(self) -> bool:
        return self.live

    def bad_in_a_row(self) -> int:
        return 0

    def send(self, name: str, values: tuple, uptime_us: int) -> None:
        pass

    def receive(self, _data: bytes, _now_ms: int) -> list[tuple]:
        found, self.finding = self.finding, []
        return found

    def poll(self, _now_ms: int, _uptime_us: int) -> int | None:
        if not self.missed:
            return None
        self.missed = self.linked = self.live = False
        return reasons.WATCHDOG_MISSED


class Spec:
    """What a person would demand, said without a look at the code: the monitor of every run."""

    def __init__(self) -> None:
        self.levels = {"a": 0, "b": 0, "pressed": 0, "enclosure": 0, "ack": 0}
        self.rest_ms = 0  # all at rest for so long
        self.hold_ms = -1  # the button down for so long
        self.released = False  # at rest for the debounce time since the last trip
        self.up_since_release = False
        self.permanent = False
        self.told = False  # the host has told its mode in this session

    def rest(self) -> bool:
        lv = self.levels
        return not (lv["a"] or lv["b"] or lv["pressed"] or lv["enclosure"])

    def key(self) -> tuple:
        return (
            *self.levels.values(),
            min(self.rest_ms, 1),
            min(self.hold_ms, 2),
            self.released,
            self.up_since_release,
            self.permanent,
            self.told,
        )


class World:
    """One controller, rewound and moved as the exploration wants."""

    def __init__(self, start_ms: int) -> None:
        self.times = Times("bench")
        for name, value in SMALL.items():
            setattr(self.times, name, value)
        self.ms = start_ms
        self.link = AnyLink()
        self.spec = Spec()
        self.controller = Controller(
            self.times, bytes(32), bytes, witness_key=bytes(32), store=self._store, stored=None
        )
        self.controller.link = self.link
        c = self.controller
        self.objects: dict[str, Any] = {
            "controller": c,
            "rearm": c.rearm,
            "ack": c._ack,
            "agreement": c._agreement,
            "faults": c.faults,
            "witness": c.witness,
            "link": self.link,
        }
        self._constant = self._find_constants()
        # A power-up is at time 0 by definition, also where this one is put before the wrap.
        c._begun_ms = c.rearm._quiet_ms = c.witness._kept_ms = start_ms
        c._armed_epoch = 0
        self._advance()

    def _find_constants(self) -> dict[str, set[str]]:
        known = {id(thing) for thing in self.objects.values()}
        return {
            name: {
                attribute
                for attribute, value in vars(thing).items()
                if attribute in WHOLE_OBJECTS_IGNORED or id(value) in known or callable(value)
            }
            | ({"_key", "_firmware", "_configuration"} if name == "witness" else set())
            for name, thing in self.objects.items()
        }

    def _store(self, _record: bytes) -> None:
        require(self.controller.state != states.ARMED, "a flash write while armed")

    def _advance(self) -> None:
        self.controller.advance(self.ms & TICK_MASK, 0)

    # -- saving and keying ---------------------------------------------------------------------

    def save(self) -> tuple:
        kept = []
        for thing in (*self.objects.values(), self.spec):
            image = dict(vars(thing))
            for name, value in image.items():
                if type(value) is dict:
                    image[name] = dict(value)
            kept.append(image)
        return (self.ms, kept)

    def load(self, saved: tuple) -> None:
        self.ms, kept = saved
        for thing, image in zip((*self.objects.values(), self.spec), kept, strict=True):
            for name, value in image.items():
                vars(thing)[name] = dict(value) if type(value) is dict else value
        self._advance()

    def key(self) -> tuple:
        epoch = self.controller._epoch
        told: list[Any] = [epoch is None, epoch == self.controller._armed_epoch]
        for name, thing in self.objects.items():
            for attribute, value in vars(thing).items():
                place = (name, attribute)
                if place in IGNORED or attribute in self._constant[name]:
                    continue
                if place in AGES and value is not None:
                    value = min((self.ms - value) & TICK_MASK, AGES[place])
                told.append(value)
        return (*told, *self.spec.key())

    # -- one step ------------------------------------------------------------------------------

    def go(self, action: Callable[["World"], None]) -> None:
        """Let one thing happen, then one pass of the firmware; check everything."""
        controller, spec = self.controller, self.spec
        before, reason = controller.state, controller.reason
        action(self)
        self._advance()
        finding = self.link.finding[0] if self.link.finding else None
        missed = self.link.missed
        lv = spec.levels
        controller.inputs(lv["a"], lv["b"], lv["pressed"], lv["enclosure"], lv["ack"])
        self._check_level()
        if lv["a"] or lv["b"] or lv["enclosure"] or (lv["ack"] and before == states.ARMED):
            require(controller.state != states.ARMED, "an input that must trip did not")
        controller.receive(b"")
        self._check_level()
        if finding is not None and finding[0] is not None:
            require(controller.state != states.ARMED, "a tampered frame did not trip")
        controller.poll()
        self._check_level()
        if missed:
            require(controller.state != states.ARMED, "a lost watchdog did not trip")
        self._follow(before, reason)

    def _check_level(self) -> None:
        state = self.controller.state
        require(self.controller.halt_high == (state == states.ARMED), "HALT high outside of ARMED")

    def _follow(self, before: int, reason: int) -> None:
        controller, spec = self.controller, self.spec
        state = controller.state
        debounce_ms = self.times.rearm_debounce_ms
        if spec.rest() and spec.rest_ms >= debounce_ms and before != states.ARMED:
            spec.released = True
        if spec.released and not spec.levels["pressed"] and before == states.WAITING:
            spec.up_since_release = True
        if state == states.ARMED and before != states.ARMED:
            self._check_arming(before)
        if before == states.TRIPPED:
            self._check_latch(state, reason)
        if state == states.TRIPPED:
            require(controller.reason != reasons.NONE, "tripped without a reason")
            if before != states.TRIPPED:
                spec.released = spec.up_since_release = False
                spec.rest_ms = 0
        if state == states.ARMED:
            require(controller.reason == reasons.NONE, "armed with a reason")
            require(not spec.permanent, "armed with a permanent fault")
        if before == states.ARMED and state != states.ARMED:
            require(state == states.TRIPPED, "HALT fell without a trip")
        if state == states.SAFE and before == states.WAITING:
            spec.up_since_release = False

    def _check_arming(self, before: int) -> None:
        spec = self.spec
        require(before == states.WAITING, "armed from " + states.STATE_NAMES[before])
        require(spec.released, "armed without a release")
        require(spec.up_since_release, "armed by a button that was never let go")
        require(spec.levels["pressed"], "armed without the button")
        require(spec.hold_ms >= self.times.rearm_hold_ms, "armed by a short hold")
        require(self.link.linked and self.link.live, "armed without a live host")
        require(not spec.levels["ack"], "armed with ACK high")
        require(self.controller.mode == leds.EMERGENCY, "armed while the host says it trades")
        require(spec.told, "armed though the host told no mode in this session")

    def _check_latch(self, state: int, reason: int) -> None:
        spec = self.spec
        if state == states.TRIPPED:
            require(self.controller.reason == reason, "a later trip changed the reason")
            return
        require(state in (states.SAFE, states.WAITING), "a trip was not latched")
        require(not spec.permanent, "a permanent fault was released")
        require(spec.rest() and spec.released, "a trip ended before the release")

    def tick(self) -> None:
        """One millisecond passes."""
        self.ms += 1
        spec = self.spec
        spec.rest_ms = min(spec.rest_ms + 1, 1) if spec.rest() else 0
        if spec.levels["pressed"]:
            spec.hold_ms = min(spec.hold_ms + 1, 2)

    def toggle(self, *names: str) -> None:
        """Contacts, button, enclosure, ACK: change level."""
        for name in names:
            level = 1 - self.spec.levels[name]
            self.spec.levels[name] = level
            if name == "pressed":
                self.spec.hold_ms = 0 if level else -1
        self.spec.rest_ms = 0

    def say(self, reason: int | None, name: str | None = None, values: tuple = ()) -> None:
        """The link reports a message or a refusal."""
        self.link.finding = [(reason, name, values)] if self.link.linked else []
        if name == "MODE" and self.link.linked and values[0] <= leds.EMERGENCY:
            self.spec.told = True


def _session(linked: bool, live: bool) -> Callable[[World], None]:
    def action(world: World) -> None:
        world.link.linked, world.link.live = linked, live
        world.spec.told = world.spec.told and linked

    return action


def _mode(mode: int, newer: int) -> Callable[[World], None]:
    def action(world: World) -> None:
        world.say(None, "MODE", (mode, 0, (world.controller._epoch or 0) + newer))

    return action


def _fail(world: World) -> None:
    world.controller.fault()
    world.spec.permanent = True


def _miss(world: World) -> None:
    world.link.missed = world.link.linked
    world.spec.told = False


ACTIONS: dict[str, Callable[[World], None]] = {
    "1 ms": World.tick,
    "A": lambda world: world.toggle("a"),
    "B": lambda world: world.toggle("b"),
    "A and B": lambda world: world.toggle("a", "b"),
    "button": lambda world: world.toggle("pressed"),
    "enclosure": lambda world: world.toggle("enclosure"),
    "ACK": lambda world: world.toggle("ack"),
    "no session": _session(False, False),
    "session": _session(True, False),
    "live": _session(True, True),
    "MODE EMERGENCY": _mode(leds.EMERGENCY, 0),
    "MODE EMERGENCY anew": _mode(leds.EMERGENCY, 1),
    "MODE NORMAL": _mode(leds.NORMAL, 1),
    "MODE nonsense": _mode(9, 1),
    "tampered": lambda world: world.say(reasons.BAD_MAC),
    "watchdog": _miss,
    "WITNESS": lambda world: world.say(None, "WITNESS", (world.controller.witness.count + 1, HEAD)),
    "WITNESS back": lambda world: world.say(None, "WITNESS", (0, b"?" * 32)),
    "START": lambda world: world.controller.start(),
    "error": _fail,
}
# Events that meet in one exploration. Each of the small ones is explored to its end; all events
# together have too many states for that, and are explored breadth first up to a limit.
ALWAYS = ("1 ms", "button", "live", "MODE EMERGENCY", "START")
PARTS = {
    "switch": ("A", "B", "A and B", "no session"),
    "host": ("A and B", "no session", "session", "MODE EMERGENCY anew")
    + ("MODE NORMAL", "tampered", "watchdog"),
    "wires": ("A", "ACK", "enclosure", "MODE NORMAL"),
    "store": ("A and B", "WITNESS", "WITNESS back", "error", "MODE nonsense"),
    "everything": tuple(ACTIONS),
}


# The shortest way to ARMED: its states are where the exploration of all events begins, since
# breadth first from power-up alone would spend its limit before anything is armed.
WAY_UP = ("START", "live", "MODE EMERGENCY", "1 ms", "1 ms", "1 ms", "button", "1 ms", "1 ms")


def explore(part: str, start_ms: int, limit: int) -> tuple[dict[tuple, tuple], int, bool]:
    """Visit states breadth first from power-up; return them, the steps taken, and if that is all."""
    actions = {name: ACTIONS[name] for name in ACTIONS if name in ALWAYS + PARTS[part]}
    kept_lamps, leds.LAMP_TEST_MS = leds.LAMP_TEST_MS, LAMP_TEST_MS
    try:
        return _explore(World(start_ms), actions, limit)
    finally:
        leds.LAMP_TEST_MS = kept_lamps


def _explore(
    world: World, actions: dict[str, Callable[[World], None]], limit: int
) -> tuple[dict[tuple, tuple], int, bool]:
    first = world.key()
    # key -> (key before, action): the way to every state, for the report of a violation
    came: dict[tuple, tuple] = {first: (None, "power-up")}
    wave = [(first, world.save())]
    key = first
    for name in WAY_UP if len(actions) == len(ACTIONS) else ():
        world.go(ACTIONS[name])
        if world.key() not in came:
            came[world.key()] = (key, name)
            wave.append((world.key(), world.save()))
        key = world.key()
    steps = 0
    while wave:
        following = []
        for key, saved in wave:
            for name, action in actions.items():
                world.load(saved)
                steps += 1
                try:
                    world.go(action)
                except Broken as error:
                    raise Broken(f"{error}: {' / '.join(_way(came, key))} / {name}") from None
                after = world.key()
                if after not in came:
                    came[after] = (key, name)
                    following.append((after, world.save()))
            if len(came) >= limit:
                return came, steps, False
        wave = following
    return came, steps, True


def _way(came: dict[tuple, tuple], key: tuple) -> list[str]:
    names: list[str] = []
    while key is not None:
        key, name = came[key]
        names.append(name)
    return names[::-1]


def explore_watchdog() -> tuple[int, int]:
    """All histories of questions and answers up to clipped ages; return states and steps."""
    times = Times("production")
    key = mac.Mac(bytes(32))
    dog = watchdog.Watchdog(times)
    first: tuple = ((), True, 0, 0, 0)
    came = {first}
    wave: list[tuple] = [(first, [], True, 0, 0, 0, 0)]
    steps = 0
    while wave:
        following = []
        for _key, asked, judged, bad, good, run, now_ms in wave:
            for action in _watchdog_actions(asked):
                dog._asked = [list(entry) for entry in asked]
                dog._judged, dog.bad_in_a_row, dog.good_in_a_row = judged, bad, good
                steps += 1
                now, run_after = _watchdog_step(dog, key, times, action, now_ms, run)
                state = _watchdog_key(dog, now, run_after)
                if state not in came and not dog.exhausted():
                    came.add(state)
                    image = [list(entry) for entry in dog._asked]
                    good_now = min(dog.good_in_a_row, 4)
                    row = (state, image, dog._judged, dog.bad_in_a_row, good_now, run_after, now)
                    following.append(row)
        wave = following
    return len(came), steps


def _watchdog_actions(asked: list) -> list[tuple]:
    answers = [(place, right) for place in range(len(asked)) for right in (True, False)]
    return [("5 ms",), ("1 ms",), *[("answer", *row) for row in answers], ("unasked",)]


def _watchdog_step(
    dog: watchdog.Watchdog, key: mac.Mac, times: Times, action: tuple, now_ms: int, run: int
) -> tuple[int, int]:
    """Do one thing; `run` is the specification's own count of good answers in a row."""
    if action[0] == "unasked":
        require(dog.judge(now_ms, key, b"unasked!", b"") == watchdog.REPLAY, "an unasked answer")
    elif action[0] == "answer":
        challenge, at_ms, answered = dog._asked[action[1]]
        newest = action[1] == len(dog._asked) - 1
        open_still = newest and dog.waiting()
        digest = mac.answer(key, challenge) if action[2] else b"\0" * 8
        verdict = dog.judge(now_ms, key, challenge, digest)
        if answered:
            require(verdict == watchdog.REPLAY, "a second answer passed")
        else:
            in_time = now_ms - at_ms <= times.answer_deadline_ms
            good = open_still and action[2] and in_time
            require((verdict == watchdog.GOOD) == good, "a verdict of good is wrong")
            run = run + 1 if good else 0 if open_still else run
    else:
        now_ms += 5 if action[0] == "5 ms" else 1
        late = dog.waiting() and now_ms - dog._asked[-1][1] > times.answer_deadline_ms
        dog.expire(now_ms)
        run = 0 if late else run
        require(not (late and dog.waiting()), "a missing answer was not counted")
        if dog.due(now_ms) and not dog.waiting():
            dog.ask(now_ms, b"%08d" % now_ms)
    require(dog.host_is_live() == (run >= times.good_answers_live), "live without good answers")
    return now_ms, min(run, 4)


def _watchdog_key(dog: watchdog.Watchdog, now_ms: int, run: int) -> tuple:
    entries = tuple((min(now_ms - at_ms, 45), answered) for _, at_ms, answered in dog._asked)
    return (entries, dog._judged, dog.bad_in_a_row, min(dog.good_in_a_row, 4), run)


def main() -> int:
    parser = argparse.ArgumentParser(description="explicit-state exploration of controller/")
    parser.add_argument("--long", action="store_true", help="more of the states of all events")
    parser.add_argument("--states", type=int, help="how many of them (20000, or 300000)")
    options = parser.parse_args()
    limit = options.states or (300_000 if options.long else 20_000)
    begun = time.monotonic()
    total = 0
    try:
        watched, steps = explore_watchdog()
        print(f"watchdog    {watched:>8} states visited, {steps:>8} steps: all of them", flush=True)
        for part in PARTS:
            total += check(part, sys.maxsize if options.long and part != "everything" else limit)
    except Broken as error:
        print(f"broken: {error}")
        return 1
    took_s = time.monotonic() - begun
    print(f"{total + watched} states visited, no invariant broken; {took_s:.0f} s")
    return 0


def check(part: str, limit: int) -> int:
    """Explore one part twice, the second time over the wrap of the clock; return its states."""
    plain, steps, whole = explore(part, 0, limit)
    wrapped, _, _ = explore(part, TICK_MASK - 4, limit)
    require(plain.keys() == wrapped.keys(), "the wrap of the clock changes something")
    reached = ", ".join(states.STATE_NAMES[state] for state in sorted(states_of(plain)))
    extent = "all of them" if whole else "the first ones"
    told = f"{part:<11} {len(plain):>8} states visited, {steps:>8} steps: {extent}"
    print(f"{told}; over the clock's wrap: the same; reached {reached}", flush=True)
    return len(plain)


def states_of(came: dict[tuple, tuple]) -> set[int]:
    """Return the controller states among visited keys."""
    world = World(0)
    place = 2 + [
        attribute
        for attribute in vars(world.controller)
        if ("controller", attribute) not in IGNORED
        and attribute not in world._constant["controller"]
    ].index("state")
    return {key[place] for key in came}


if __name__ == "__main__":
    sys.exit(main())
