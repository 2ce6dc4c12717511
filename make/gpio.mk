# The pin factory on a real GPIO character device: see docs/gpio.md, tests/gpio and tools/vm-gpio.

.PHONY: test-gpio

IN_VM = tools/vm-gpio/run-in-vm.sh
GPIO_PYTEST = $(BIN)/python -m pytest -p no:cacheprovider tests/gpio
TIMED = -s -k latency

# Where there can be no virtual machine the tests say why and are skipped; with BOT4_REQUIRE_VM=1
# in the environment they fail instead.
test-gpio: $(STAMP)
	@if why=$$($(IN_VM) --ready 2>&1 >/dev/null); then \
		VM_ENV=BOT4_REQUIRE_VM $(IN_VM) $(GPIO_PYTEST) && \
		VM_ENV=BOT4_REQUIRE_VM VM_CLOCK=counted $(IN_VM) $(GPIO_PYTEST) $(TIMED); \
	else \
		BOT4_NO_VM="$$(printf '%s\n' "$$why" | tail -n 1)" $(GPIO_PYTEST); \
	fi
