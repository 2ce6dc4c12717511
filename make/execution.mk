# The long forms of tests/execution: 100,000 steps against the plain model, 1,000,000 trades.
.PHONY: execution-long

execution-long: $(STAMP)
	BOT4_EXECUTION_STEPS=100000 BOT4_EXECUTION_CYCLES=1000000 \
	$(BIN)/python -m pytest tests/execution -q -s --timeout 7200
