"""Logic analysers by name: `open_analyser("sigrok", {"driver": "fx2lafw", ...})`.

`model` says what every one of them can do and what goes wrong; one contract suite
(tests/rig/analysers) holds them all to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rig.analysers.emulated import EmulatedAnalyser, EmulatedOptions
from rig.analysers.model import (
    Analyser,
    AnalyserAbsent,
    AnalyserError,
    CaptureFailed,
    DeviceGone,
    Overrun,
    ShortCapture,
    Trigger,
    TriggerNeverCame,
    WrongChannels,
    check_resolution,
)
from rig.analysers.saleae import SaleaeAnalyser
from rig.analysers.saleae_api import SaleaeOptions
from rig.analysers.sigrok import SigrokAnalyser
from rig.analysers.sigrok_device import SigrokOptions
from rig.analysers.virtual import VirtualAnalyser, VirtualOptions
from rig.parts import PartOptions, read_options
from rig.virtual.bench import VirtualBench

__all__ = [
    "KINDS",
    "Analyser",
    "AnalyserAbsent",
    "AnalyserError",
    "CaptureFailed",
    "DeviceGone",
    "Overrun",
    "ShortCapture",
    "Trigger",
    "TriggerNeverCame",
    "WrongChannels",
    "check_resolution",
    "open_analyser",
]

# Kind -> its options. A bench file names a kind and gives the options.
KINDS: dict[str, type[PartOptions]] = {
    "virtual": VirtualOptions,
    "emulated": EmulatedOptions,
    "sigrok": SigrokOptions,
    "saleae": SaleaeOptions,
}


def open_analyser(
    kind: str,
    options: Mapping[str, Any],
    *,
    bench: VirtualBench | None = None,
    limit_us: float | None = None,
) -> Analyser:
    """Return an analyser, not armed yet.

    bench -- the running bench that `virtual` and `emulated` look into
    limit_us -- the limit to be measured; refused when the sample rate is too low for it

    Raises OptionError (wrong kind or option), AnalyserAbsent (nothing there).
    """
    given = read_options("analyser", kind, KINDS, options)
    analyser = _opened(given, bench)
    if limit_us is not None:
        try:
            check_resolution(analyser.sample_rate_hz, limit_us)
        except ValueError:
            analyser.close()
            raise
    return analyser


def _opened(options: PartOptions, bench: VirtualBench | None) -> Analyser:
    match options:
        case SigrokOptions():
            return SigrokAnalyser(options)
        case SaleaeOptions():
            return SaleaeAnalyser(options)
    kind = "emulated" if isinstance(options, EmulatedOptions) else "virtual"
    if bench is None:
        raise AnalyserAbsent(f"analyser {kind}: it is part of the {kind} bench, which is not up")
    if kind == "virtual":
        return VirtualAnalyser(bench.wires)
    if "pico" not in bench.processes or bench.identity()["bench"] != kind:
        raise AnalyserAbsent("analyser emulated: there is no emulated Pico on this bench")
    return EmulatedAnalyser(bench.processes["pico"].pid, bench.setup.out / "emulated.json")
