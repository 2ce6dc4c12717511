"""What the hot path costs, measured: each module has `rows()` for the table, and prints its own."""
