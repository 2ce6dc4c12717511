"""The physical bench: a Pico, a Pi, an analyser, and a hand; see docs/bench.md."""
