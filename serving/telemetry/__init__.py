"""What the gateway tells those who run it: logs, traces, metrics and drift."""
