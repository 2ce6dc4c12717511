# The limits of VaR on recorded data (BOT4_DATA), and the long version of the rails' property test.
.PHONY: var-limits rails

CRYPTO_DAYS = $(foreach name,btc bnb ltc ada doge link,$(BOT4_DATA)/$(name)_usdt_1d_binance.csv.gz)

var-limits: $(STAMP)
	$(BIN)/bot4 var $(firstword $(CRYPTO_DAYS)) --backtest --from 2019-01-01
	$(BIN)/bot4 var $(CRYPTO_DAYS) --backtest --from 2019-01-01
	$(BIN)/bot4 var sp500 --backtest
	$(BIN)/bot4 var $(BOT4_DATA)/btc_usdt_1h_binance.csv.gz --backtest --from 2019-01-01 --method fhs

rails: $(STAMP)
	BOT4_RAIL_EXAMPLES=5000 $(BIN)/python -m pytest tests/risk/test_rails.py -q -s --timeout 3000
