"""When the recorder shows a head: one at a time, until the witness's own receipt is on record."""

from host.recorder.showing import PATIENCE_NS, RECEIPT, STANDING, Showing


def test_only_the_guard_brings_receipts() -> None:
    showing = Showing()
    assert showing.due(PATIENCE_NS, 5, "aa") == STANDING
    showing.recorded("engine", RECEIPT)  # an event that only calls itself so
    assert showing.shown == STANDING
    assert showing.due(PATIENCE_NS + 1, 5, "aa") is None
    showing.recorded("guard", RECEIPT)
    assert showing.shown is None
    assert showing.due(PATIENCE_NS + 2, 5, "aa") == (5, "aa")
