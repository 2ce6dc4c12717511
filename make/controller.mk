# The proofs of controller/: see tests/controller and tools/.

.PHONY: test-micropython model-check fuzz mutation mutation-short

MICROPYTHON = $(BIN)/python -c 'import sys, micropython_unix as m; sys.exit(m.main())'

test-micropython: $(STAMP)
	MICROPYPATH="$(CURDIR):.frozen" $(MICROPYTHON) -X heapsize=64M tests/controller/run_on_micropython.py

model-check: $(STAMP)
	$(BIN)/python -m tools.model_check --long

fuzz: $(STAMP)
	$(BIN)/python -m tools.fuzz --inputs 1000000

mutation: $(STAMP)
	$(BIN)/python -m tools.mutation

mutation-short: $(STAMP)
	$(BIN)/python -m tools.mutation --sample 60
