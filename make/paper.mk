# Every row of the recorded ticks (BOT4_DATA) through the paper venue; `make unit` plays the first of each.
.PHONY: replay
replay: $(STAMP)
	BOT4_REPLAY_ROWS=1000000 $(BIN)/python -m pytest tests/paper/test_replay.py -q -s --timeout 3000

# 3 x 100,000 hostile packets to every venue of tests/venues.
.PHONY: hostile
hostile: $(STAMP)
	BOT4_HOSTILE_PACKETS=100000 $(BIN)/python -m pytest tests/venues/test_hostile.py -q -s --timeout 3000
