"""The command line: the one place that knows both host and rig, and loads them only when asked."""
