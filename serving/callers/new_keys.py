"""Making and taking away keys: edits the keys file and leaves its comments alone."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import tomlkit

from contract.errors import MiwakeError
from serving.callers.api_keys import key_digest
from serving.callers.keys_file import Key, parse_keys

PREFIX = "mwk_"  # by which a scanner for secrets in repositories finds one
_RANDOM_BYTES = 32
_PRIVATE = 0o600


class KeysError(MiwakeError):
    """The keys file cannot be changed like that."""


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """What a new key may do; None where nothing is said."""

    requests_per_second: float | None = None
    burst: int | None = None
    models: tuple[str, ...] | None = None
    expires: datetime | None = None

    def to_dict(self) -> dict[str, Any]:
        """As the file says it."""
        entry = {
            "requests_per_second": self.requests_per_second,
            "burst": self.burst,
            "models": list(self.models) if self.models else None,
            "expires": self.expires,
        }
        return {name: value for name, value in entry.items() if value is not None}


def add_key(path: Path, name: str, allowance: Allowance) -> str:
    """Make a key; the file is made where there is none.

    Returns:
        The key, of 256 random bits: the only time that anybody sees it.

    Raises:
        KeysError: there is a key of this name, or the file would not be valid.
        OSError: the file cannot be written.
    """
    key = PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
    with _edited(path) as keys:
        if name in keys:
            raise KeysError(f"{path} has a key {name} already; revoke it first")
        keys[name] = {"sha256": key_digest(key).hex(), **allowance.to_dict()}
    return key


def revoke_key(path: Path, name: str) -> None:
    """Take a key away.

    Raises:
        KeysError: there is none of this name, or the file is not valid.
        OSError: the file cannot be written.
    """
    with _edited(path) as keys:
        if name not in keys:
            raise KeysError(f"{path} has no key {name}")
        del keys[name]


def list_keys(path: Path) -> tuple[Key, ...]:
    """The keys of a file.

    Raises:
        KeysError: it is not valid.
        OSError: it cannot be read.
    """
    return _parsed(path, path.read_bytes())


def _parsed(path: Path, data: bytes) -> tuple[Key, ...]:
    try:
        return parse_keys(data)
    except ValueError as exc:
        raise KeysError(f"{path}: {exc}") from exc


@contextlib.contextmanager
def _edited(path: Path) -> Iterator[Any]:
    """The table of keys, to be changed within the block; the file is replaced where the result is valid."""
    target = path.resolve()
    with _locked(target.parent):
        document = _document(path)
        yield document["keys"]
        if not document["keys"]:  # a file without the table, even an empty one, counts as half-written
            document["keys"] = tomlkit.table()
        data = tomlkit.dumps(document).encode()
        _parsed(path, data)
        _replace(target, data)


def _document(path: Path) -> tomlkit.TOMLDocument:
    if path.exists():
        list_keys(path)  # refuses what is no keys file
        return tomlkit.parse(path.read_text())
    document = tomlkit.document()
    document["keys"] = tomlkit.table(is_super_table=True)
    return document


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Two commands at once edit one after the other."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _replace(target: Path, data: bytes) -> None:
    """Atomically, with the owner and mode of the file that was there; a new one is its owner's alone."""
    descriptor, aside = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123 - of an open descriptor
            if target.exists():
                status = target.stat()
                os.fchown(file.fileno(), status.st_uid, status.st_gid)
                os.fchmod(file.fileno(), stat.S_IMODE(status.st_mode))
            else:
                os.fchmod(file.fileno(), _PRIVATE)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(aside).replace(target)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise
