"""`python -m miwake` is `miwake`."""

from miwake.cli import main

main()
