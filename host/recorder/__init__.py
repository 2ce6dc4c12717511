"""The recorder: reads the rings of guard and engine, writes the audit log."""
