# The firmware and the emulated Pico: see firmware/ and tests/emulated. All but types-firmware need
# the MicroPython image (BOT4_PICO_IMAGE or ~/.cache/bot4/RPI_PICO.uf2).

.PHONY: firmware types-firmware emulated emulated-presses soak soak-long

firmware: $(STAMP)
	$(BIN)/bot4 firmware build

types-firmware: $(STAMP)
	$(BIN)/python -m firmware.tools.typings build/typings
	$(BIN)/mypy --config-file firmware/mypy.ini

emulated: $(STAMP)
	$(BIN)/python -m pytest tests/emulated tests/firmware -s

emulated-presses: $(STAMP)
	BOT4_PRESSES=1000 nice $(BIN)/python -m pytest tests/emulated/test_presses.py -s

soak: $(STAMP)
	nice $(BIN)/python -m tests.emulated.soak --minutes 10

soak-long: $(STAMP)
	nice $(BIN)/python -m tests.emulated.soak --minutes 60
