"""The file of API keys: their digests, and what each may do.

TOML::

[keys.shop]                     # a name for people; logs and metrics have the digest
sha256 = "<64 hex digits>"      # of the key's ASCII bytes; the key itself stands nowhere
requests_per_second = 20        # optional, with `burst`
models = ["flowers"]            # optional: no others
expires = 2027-01-01T00:00:00Z  # optional
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from serving.callers.caller import SHOWN_DIGITS, Caller, Rate

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"


@dataclass(frozen=True, kw_only=True)
class Key:
    """One key; `digest` is the 32 bytes of its SHA-256, `expires` aware of its time zone."""

    name: str
    caller: Caller
    digest: bytes
    expires: datetime | None

    def has_expired(self, now: datetime) -> bool:
        """Whether its time is over."""
        return self.expires is not None and now >= self.expires


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    sha256: str = Field(pattern=r"^[0-9A-Fa-f]{64}$")
    requests_per_second: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    burst: int | None = Field(default=None, ge=1)
    models: list[str] | None = None
    expires: AwareDatetime | None = None

    @model_validator(mode="after")
    def _a_burst_is_of_a_rate(self) -> Self:
        if self.burst is not None and self.requests_per_second is None:
            raise ValueError("burst needs requests_per_second")
        return self

    def to_key(self, name: str) -> Key:
        """The key of this name."""
        models = None if self.models is None else frozenset(self.models)
        rate = Rate.of(self.requests_per_second, self.burst)
        shown = f"key:{self.sha256[:SHOWN_DIGITS].lower()}"
        return Key(
            name=name,
            caller=Caller(digest=shown, models=models, rate=rate),
            digest=bytes.fromhex(self.sha256),
            expires=self.expires,
        )


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    # Required, so that a file seen in the middle of being written is broken and not one without keys.
    keys: dict[Annotated[str, Field(pattern=NAME_PATTERN)], _Entry]


def parse_keys(data: bytes) -> tuple[Key, ...]:
    """The keys of a file, in its order; none where its table `keys` is empty.

    Raises:
        ValueError: it is not such a file; one line without any of its values, or names, for a log.
    """
    try:
        document = tomllib.loads(data.decode())
    except RecursionError as exc:
        raise ValueError("nested too deeply") from exc
    try:
        entries = _File.model_validate(document).keys
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False)[0]
        said = first["msg"].removeprefix("Value error, ")
        raise ValueError(f"{_place(first['loc'], document)}: {said}") from exc
    keys = tuple(entry.to_key(name) for name, entry in entries.items())
    _refuse_twins(keys)
    return keys


def _place(loc: tuple[int | str, ...], document: Mapping[str, Any]) -> str:
    """Where in the file: a key by its number, from 1."""
    if len(loc) == 1:
        return str(loc[0])
    _, name, *member = loc
    return ".".join(map(str, (f"key {list(document['keys']).index(name) + 1}", *member)))


def _refuse_twins(keys: Iterable[Key]) -> None:
    numbers: dict[bytes, int] = {}
    for number, key in enumerate(keys, 1):
        twin = numbers.setdefault(key.digest, number)
        if twin != number:
            raise ValueError(f"keys {twin} and {number} have the same digest")
