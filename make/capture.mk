# A billion samples read, beside sigrok's own time: see tests/rig/bench_capture.py.
.PHONY: bench-capture

bench-capture: $(STAMP)
	$(BIN)/python -m tests.rig.bench_capture
