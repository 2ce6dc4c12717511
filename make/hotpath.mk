# The compiled core: long runs, sanitizers, counted instructions. `make unit` has short versions of the
# tests; timings for a person are `bot4 perf`.

.PHONY: hotpath-long sanitize callgrind

# 1,000,000 random inputs for each twin, 100,000,000 pool operations from four processes.
hotpath-long: $(STAMP)
	BOT4_HOTPATH_INPUTS=1000000 BOT4_POOL_PAIRS=50000000 $(BIN)/python -m pytest tests/hotpath -q -s --timeout 3000

sanitize: $(STAMP)
	$(BIN)/python -m tools.sanitize

callgrind: $(STAMP)
	$(BIN)/python -m tools.callgrind
