"""The results page: `python -m tools.results RUN` for a run of `bot4 bench measure`.

    python -m tools.results RUN
    python -m tools.results --check

Keeps the run's figures as docs/assets/results.json and writes docs/results.md from them. --check writes
nothing: exit code 1 when the page is not what the kept figures say.
"""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from rig.report import words
from rig.report.files import RunError, read_result
from tools.docs import FOLDER, page, table

FIGURES = Path("assets/results.json")
PAGE = Path("results.md")
# What of a run is kept; its paths are those of one machine.
KEPT = (
    "bench", "mcu", "micropython", "profile", "at", "data", "layouts", "orders", "audit", "limit_us",
    "verdict", "reasons", "seed", "load", "environment",
)  # fmt: skip


def kept(result: Mapping[str, Any]) -> dict[str, Any]:
    """What of a result the page is made of."""
    return {name: result[name] for name in KEPT}


def text(result: Mapping[str, Any]) -> str:
    """Return docs/results.md."""
    head, sentence = words.verdict(result["verdict"])
    warning = words.warning(result)
    parts = [
        "How this is measured: [latency](latency.md). These are the figures of one run on one machine, "
        "kept as [results.json](assets/results.json). A run that fails stands here like any other. Anew:",
        "```sh\nmake results\n```",
        f"**{head}.** {sentence}" + (f" ({warning})" if warning else ""),
        *(f"- {reason}" for reason in words.reasons(result)),
    ]
    for name, layout in words.layouts(result):
        parts += [f"## {words.layout_name(name)}", stages(layout)]
        parts += [" ".join(words.limits_of_knowledge(layout))]
        if layout["misses"]:
            cells = [words.miss_cells(miss) for miss in layout["misses"]]
            parts += [
                "Presses above the limit, each by its slow stage:",
                table(words.MISS_HEAD, cells),
            ]
    audit = result["audit"]
    parts += [
        "## Orders and record",
        table(
            ("what", "number"),
            [
                (told, words.count(words.at(result, "orders", key)))
                for key, told in words.ORDERS.items()
            ],
        ),
        f"The audit log of the run was {'verified' if audit['verified'] else 'NOT verified'}: "
        f"{audit['records']:,} records, receipts up to record {audit['receipts_to']:,}.",
        "## What was measured",
        table(("what", "value"), list(facts(result).items())),
    ]
    return page(
        "Results", "a run of `bot4 bench measure`", *(part for part in parts if part)
    ).replace("python -m tools.docs", "python -m tools.results")


def stages(layout: Mapping[str, Any]) -> str:
    """The table of a layout, in us."""
    rows = [
        (told, *_figures(words.at(layout, "latency_us", stage)))
        for stage, told in words.STAGES.items()
    ]
    guard = words.at(layout, "guard_us")
    if guard:
        rows += [(told, *_figures(guard.get(stage))) for stage, told in words.GUARD_STAGES.items()]
    rows.append(("noise floor of the machine", *_figures(layout["noise_floor_us"])))
    return table(("us", *words.STATS.values(), "n"), rows)


def _figures(stats: Any) -> tuple[str, ...]:
    named = (words.percentile(stats, key) for key in words.STATS)
    return (*named, words.count(words.at(stats, "n")))


def facts(result: Mapping[str, Any]) -> dict[str, str]:
    """What the figures depend on."""
    load = ", ".join(result["load"]) or "none"
    return {
        "bench": result["bench"],
        "when": result["at"],
        "times": result["profile"],
        "load": load,
        "seed": str(result["seed"]),
        "MicroPython": result["micropython"],
        "prices": f"{result['data']['source']}, {result['data']['rows']:,} rows",
        **result["environment"],
    }


def main(arguments: list[str] | None = None, folder: Path = FOLDER) -> int:
    parser = argparse.ArgumentParser(description="write the results page from a run")
    parser.add_argument("run", nargs="?", type=Path, help="folder of the run")
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if the page differs")
    given = parser.parse_args(arguments)
    figures, target = folder / FIGURES, folder / PAGE
    if given.check:
        if target.read_text() == text(msgspec.json.decode(figures.read_bytes())):
            return 0
        print(f"docs/{PAGE} is not what docs/{FIGURES} says: run `python -m tools.results RUN`")
        return 1
    if given.run is None:
        parser.error("a run's folder, or --check")
    try:
        result = kept(read_result(given.run / "result.json"))
    except (RunError, KeyError) as error:
        parser.error(f"{given.run}: {error}")
    figures.write_bytes(msgspec.json.format(msgspec.json.encode(result)) + b"\n")
    target.write_text(text(result))
    print(f"docs/{PAGE} written: {result['verdict']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
