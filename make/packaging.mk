# What is handed out: sdist, wheel, lock file. Built in environments of their own, so the first time they
# need an index; `make unit` has short versions that do not.
.PHONY: units wheel lock

# What systemd says of the units.
units: $(STAMP)
	$(BIN)/python -m pytest tests/operations/test_units.py -q -s

# The wheel is built from the sdist, in a folder that has nothing else; then both are tried where
# neither checkout nor Cython is.
wheel: $(STAMP)
	@$(BIN)/python tools/extras.py release | $(BIN)/python -m pip install --quiet -r /dev/stdin
	rm -rf dist
	$(BIN)/python -m build --outdir dist .
	BOT4_DIST=dist $(BIN)/python -m pytest tests/packaging -q -s --timeout 1800

# Versions and digests of everything that a host and its bench install.
LOCKED = bench dashboard enrich exchanges live models
lock: $(STAMP)
	@$(BIN)/python tools/extras.py release | $(BIN)/python -m pip install --quiet -r /dev/stdin
	CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/python -m piptools compile --quiet --upgrade \
		--generate-hashes --strip-extras --allow-unsafe --no-emit-index-url \
		--no-emit-trusted-host --no-emit-find-links \
		$(LOCKED:%=--extra %) --output-file requirements.lock pyproject.toml

# The units under a real systemd, in the machine of `make test-gpio`; some minutes.
.PHONY: test-systemd
test-systemd: $(STAMP)
	BOT4_SYSTEMD_VM=1 $(BIN)/python -m pytest tests/operations/test_on_systemd.py -q -s -p no:cacheprovider
