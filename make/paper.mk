# Every row of the recorded ticks (BOT4_DATA) through the paper venue; `make unit` plays the first of each.
.PHONY: replay
replay: $(STAMP)
	BOT4_REPLAY_ROWS=1000000 $(BIN)/python -m pytest tests/paper/test_replay.py -q -s --timeout 3000
