"""Recorded market data: checked reading of bars, trades and quotes (see `host.data.reader`)."""
