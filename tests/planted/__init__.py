"""Builds of the host with a planted fault: each must turn a run to `fail`. Never installed."""
