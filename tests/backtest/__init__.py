"""Tests of host.backtest."""
