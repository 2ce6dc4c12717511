# Enrichment: a recorded day with decisions each second, and decisions with and without, side by side.
.PHONY: enrichment
enrichment: $(STAMP)
	$(BIN)/python -m tests.enrichment.replay
	$(BIN)/python -m tests.enrichment.in_the_way
