"""What a bench can do to the box, by its parts; a test names what it needs."""

from rig.benchfile import BenchFile

WORDS = {
    "cut-wire": "cut a single wire and join it again",
    "short-wire": "hold a wire at a level, whatever drives it",
    "timed-contacts": "move the contacts in a pattern timed in microseconds",
    "enclosure": "open the enclosure loop",
    "hold-button": "keep the re-arm button pressed while the switch moves",
    "rearm": "press the re-arm button by itself",
    "serial-write": "write foreign bytes on the serial line",
    "controller-power": "take the controller's power away and give it back",
    "controller-stop": "stop the controller's clock",
    "signals": "stop and kill the host's processes",
    "loads": "start load generators beside the host",
    "edge-clock": "stamp every edge in the clock of the host and its records",
    "true-latency": "measure contact to ACK in one clock that is true to all of it",
}

ALL = frozenset(WORDS)
HAS = {
    "virtual": ALL,
    # Its time is not the machine's: a pattern of microseconds is not played in them, the lamps and
    # the controller's uptime run on the emulator's clock, and the wall shows the pacing.
    "emulated": ALL - {"timed-contacts", "true-latency"},
    # Nobody cuts wires or reaches into the box on this bench without a person.
    "serial": frozenset({"signals", "loads", "edge-clock", "true-latency"}),
}
# What a hand at a real box adds.
HANDS = {
    "robot": frozenset({"timed-contacts", "rearm"}),
    "gpio": frozenset({"timed-contacts"}),
    "person": frozenset({"rearm"}),
}


def of(file: BenchFile) -> frozenset[str]:
    """Return the words for what the bench of a file can do."""
    kind, hand = file.controller.kind, file.stimulus
    if kind != "serial":
        return HAS[kind]
    button = {"rearm"} if hand.options.get("button") is not None else set()
    return HAS[kind] | HANDS.get(hand.kind, frozenset()) | button


def missing(file: BenchFile, needed: tuple[str, ...]) -> list[str]:
    """Return what this bench cannot do, in words. KeyError for a word that is none."""
    return [WORDS[word] for word in needed if word not in of(file) or word not in WORDS]
