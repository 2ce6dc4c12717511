# Long runs of the safety core; each has a short version in `make test`.
.PHONY: stress

stress: $(STAMP)
	BOT4_GATE_PASSES=10000000 $(BIN)/python -m pytest tests/safety/test_gate_stress.py -q --timeout 900

.PHONY: faults
FAULTS = test_random_faults test_stopped_in_send test_memory test_step_up test_halt_command \
	test_wires test_whole_host test_disk
faults: $(STAMP)
	BOT4_FAULT_ROUNDS=200 BOT4_SEND_ROUNDS=40 BOT4_WORDS=all BOT4_STEP_UP=all BOT4_HALTS=50 \
	BOT4_FLAPS=100000 BOT4_HOG_S=10 \
	$(BIN)/python -m pytest $(FAULTS:%=tests/safety/%.py) -s --timeout 3600

.PHONY: risk-twins
risk-twins: $(STAMP)
	BOT4_RISK_INPUTS=1000000 $(BIN)/python -m pytest tests/checks/test_twins.py -q -s --timeout 3000
