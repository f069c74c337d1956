"""Which version a request goes to: models.toml's aliases, canary and shadow."""

from __future__ import annotations

import hashlib
import logging
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from contract.errors import MiwakeError
from modelserver.errors import ModelNotFoundError
from modelserver.models_file import ModelEntry, ModelsFile, Share, read_models_file

_log = logging.getLogger(__name__)
STABLE = "stable"
PREVIOUS = "previous"  # what `miwake models promote` leaves behind


class Routing:
    """What models.toml says now.

    Attributes:
        models_file: as it was last read without fault.
    """

    def __init__(self, models_file: ModelsFile, *, path: Path | None = None) -> None:
        """Begin with what was read.

        Args:
            models_file: the models, their aliases and shares.
            path: where it was read, to be read again when it changes; None for one that was never a file.
        """
        self.models_file = models_file
        self._path = path
        self._complained = ""

    @property
    def default(self) -> str:
        """The model that answers where a request names none."""
        return self.models_file.default

    @property
    def models(self) -> Mapping[str, ModelEntry]:
        """All models, by name."""
        return self.models_file.models

    def entry(self, model: str) -> ModelEntry:
        """What is said of one model.

        Raises:
            ModelNotFoundError: nothing.
        """
        if model not in self.models:
            # Which others there are is not for every caller to know.
            raise ModelNotFoundError(f"no model {model!r}")
        return self.models[model]

    def stable_versions(self, model: str) -> Sequence[int | None]:
        """The version that answers by rights, then what answers until that one may.

        Without a stable one it is None, for the newest that may.
        """
        return _stable_versions(self.entry(model))

    def all_stable_versions(self) -> Mapping[str, Sequence[int | None]]:
        """The same for every model, on any thread."""
        return {model: _stable_versions(entry) for model, entry in self.models.items()}

    def canary_version(self, model: str, sticky_key: str) -> int | None:
        """The canary's version, where a request of this key falls into its share."""
        return _drawn_version(self.entry(model), lambda entry: entry.canary, sticky_key)

    def shadow_version(self, model: str) -> int | None:
        """The shadow's version, where a request drawn by chance falls into its share."""
        return _drawn_version(self.entry(model), lambda entry: entry.shadow, "")

    def read_again(self) -> bool:
        """Whether the file, a sidecar or what that names says something else; a broken one changes nothing.

        Read as a whole each time: they are small, and no time or size of one tells of all the others.
        """
        if self._path is None:
            return False
        try:
            models_file = read_models_file(self._path)
        except MiwakeError as exc:
            self._complain(f"{self._path.name} stays as it was: {exc}")
            return False
        self._complained = ""
        changed = models_file != self.models_file
        self.models_file = models_file
        return changed

    def _complain(self, text: str) -> None:
        """Once for each thing that is wrong, not at every look."""
        if text != self._complained:
            _log.error("%s", text)
        self._complained = text


def _stable_versions(entry: ModelEntry) -> Sequence[int | None]:
    if STABLE not in entry.aliases:
        return (None,)
    return tuple(entry.aliases[alias] for alias in (STABLE, PREVIOUS) if alias in entry.aliases)


def _drawn_version(
    entry: ModelEntry, share_of: Callable[[ModelEntry], Share | None], sticky_key: str
) -> int | None:
    share = share_of(entry)
    if share is None or _draw(sticky_key) >= share.percent:
        return None
    return entry.aliases[share.alias]


def _draw(sticky_key: str) -> float:
    """A number from 0 to 100, always the same for one key."""
    if not sticky_key:
        return 100 * random.random()  # noqa: S311 - who is drawn is no secret
    digest = hashlib.sha256(sticky_key.encode()).digest()
    return 100 * int.from_bytes(digest[:8]) / 2**64
