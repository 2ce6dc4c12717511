"""The virtual bench: the wires, and what stands at their ends, as processes on this machine."""
