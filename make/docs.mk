# The handbook: generated pages, build/handbook, results of a measured run, the picture in README.
.PHONY: docs docs-check results picture

docs: $(STAMP)
	$(BIN)/python -m tools.docs
	$(BIN)/python -m host.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "build/handbook/index.html; with search: python3 -m http.server -d build/handbook"

docs-check: $(STAMP)
	$(BIN)/python -m tools.docs --check
	$(BIN)/python -m host.docs --check
	$(BIN)/python -m pytest tests/docs

# Minutes on a machine with nothing else to do: a virtual bench, measured, for docs/results.md.
results: $(STAMP)
	rm -rf build/results
	-$(BIN)/bot4 bench measure --presses 500 --layout both --out build/results
	$(BIN)/python -m tools.results build/results

# The picture in README: the page of a demo.
picture: $(STAMP)
	rm -rf build/picture
	-$(BIN)/bot4 demo --out build/picture
	$(BIN)/python -m tools.picture build/picture
