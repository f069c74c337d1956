"""What a version says of the photographs it was made from: `assets.extra/split.csv`, a row a photograph."""

from __future__ import annotations

import csv
from pathlib import Path

from contract.errors import ContractBrokenError
from contract.manifest import MANIFEST_FILE
from training.export.version import SPLIT_FILE

_FITTED_ON = frozenset({"train", "validation"})


def trained_on(version: Path) -> frozenset[str]:
    """SHA-256 of the files that were learnt from or chose when to stop; none where there is no record.

    Raises:
        ContractBrokenError: the record cannot be read.
    """
    path = version / Path(MANIFEST_FILE).with_name(SPLIT_FILE)
    if not path.exists():
        return frozenset()
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return frozenset(row["sha256"] for row in csv.DictReader(file) if row["split"] in _FITTED_ON)
    except (OSError, UnicodeDecodeError, csv.Error, KeyError) as exc:
        raise ContractBrokenError(f"the record of the split {path} cannot be read") from exc
