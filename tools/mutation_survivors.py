"""Mutants of controller/ that no case can or need kill: by their code, each with the reason."""

EQUIVALENT: dict[str, str] = {
    "core.Controller.__init__: self._now_ms = 0 -> self._now_ms = 1": (
        "a value for a fault before the first `advance`; nothing compares it"
    ),
    "core.Controller.__init__: self._uptime_us = 0 -> self._uptime_us = 1": (
        "a value for a fault before the first `advance`; it is only told"
    ),
    "faults.Faults.__init__: self._present = 0 -> self._present = 1": (
        "bit 0 is NONE, which is no fault"
    ),
    "faults.Faults.began: bit = 1 << reason -> bit = 2 << reason": (
        "private bits, all moved by one place alike"
    ),
    "frames.cobs_encode: out.append(0) -> out.append(1)": (
        "a placeholder: the code of the block is written over it"
    ),
}
