"""What a user touches: the `miwake` command and the Python client."""
