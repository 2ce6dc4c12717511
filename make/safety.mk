# Long runs of the safety core; each has a short version in `make test`.
.PHONY: stress

stress: $(STAMP)
	BOT4_GATE_PASSES=10000000 $(BIN)/python -m pytest tests/safety/test_gate_stress.py -q --timeout 900

.PHONY: faults
faults: $(STAMP)
	BOT4_FAULT_ROUNDS=200 $(BIN)/python -m pytest tests/safety/test_random_faults.py -q --timeout 3000

.PHONY: risk-twins
risk-twins: $(STAMP)
	BOT4_RISK_INPUTS=1000000 $(BIN)/python -m pytest tests/checks/test_twins.py -q -s --timeout 3000
