# Two workers of a local Dask cluster against one; figures for a person.
.PHONY: scaling
scaling: $(STAMP)
	$(BIN)/python -m tests.training.scaling sp500
