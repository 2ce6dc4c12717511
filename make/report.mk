# The report of 10,000 presses, timed: see tests/rig/bench_report.py.
.PHONY: bench-report

bench-report: $(STAMP)
	$(BIN)/python -m tests.rig.bench_report
