"""The Raspberry Pi side: safety, market data, models, risk, execution, enrichment, audit."""
