"""The bench: wires, analysers, stimuli, captures, latencies and reports, all from outside."""
