# The exchange connector, long: halts in the middle of trading, and exchanges that lie.
.PHONY: exchanges
exchanges: $(STAMP)
	BOT4_EXCHANGE_HALTS=2000 BOT4_HOSTILE_ROUNDS=1000 BOT4_LOOKS=20000 BOT4_DEADMAN=all \
	$(BIN)/python -m pytest tests/exchanges tests/venues/test_deadman.py -q -s --timeout 3000
