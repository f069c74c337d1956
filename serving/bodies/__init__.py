"""Bodies of requests, read within limits that hold while they arrive."""
