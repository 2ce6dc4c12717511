# Kill -9 at any moment while trading, judged by the venue's own record, and kills of a sender that does
# nothing but send: each has a short version in `make test`.
.PHONY: killing

killing: $(STAMP)
	BOT4_JOURNAL_KILLS=1000 $(BIN)/python -m pytest tests/execution/test_journal.py -q -s --timeout 3600
	BOT4_KILL_ROUNDS=200 $(BIN)/python -m pytest tests/integration/test_killed.py -q -s --timeout 3600
