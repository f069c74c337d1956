"""`models.toml`: which models are served, which one by default, and what their aliases stand for.

It lies in the folder of the models it names:

    default = "flowers"
    base_path = "/models"       # where a model server elsewhere sees this folder
    [models.flowers]
    aliases = { stable = 3, canary = 4, previous = 2 }
    canary = { alias = "canary", percent = 5 }
    shadow = { alias = "canary", percent = 10 }
    [models.legacy]
    sidecar = "legacy.toml"     # a SavedModel made elsewhere
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from contract.errors import ManifestError, MiwakeError, SidecarError
from contract.fields import Fields
from contract.manifest import check_model_name
from contract.sidecar import Sidecar, read_sidecar

FILE_NAME = "models.toml"
STABLE = "stable"
PREVIOUS = "previous"
# A letter first, so that none can be taken for a version.
_ALIAS = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,49}")
_ALL_PERCENT = 100


class ModelsFileError(MiwakeError):
    """A models.toml that cannot be read, contradicts itself, or allows no such change."""


@dataclass(frozen=True, kw_only=True)
class Share:
    """A part of a model's requests, for the version that an alias stands for.

    Attributes:
        alias: one of the model's.
        percent: 0 to 100.
    """

    alias: str
    percent: float


@dataclass(frozen=True, kw_only=True)
class ModelEntry:
    """What is said of one model.

    Attributes:
        aliases: version by alias; `stable` answers requests that ask for no version.
        canary: of the requests that ask for no version, the share that another version answers.
        shadow: of the answered requests, the share that another version is asked too.
        sidecar: of a model made elsewhere.
    """

    aliases: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    canary: Share | None = None
    shadow: Share | None = None
    sidecar: Sidecar | None = None


@dataclass(frozen=True, kw_only=True)
class ModelsFile:
    """The models served.

    Attributes:
        default: the name of the one that answers where none is named.
        models: by name, in the order of the file; at least one.
        base_path: where the model server sees the folder the file lies in; empty: where it is.
    """

    default: str
    models: Mapping[str, ModelEntry]
    base_path: str = ""

    @classmethod
    def of(cls, names: Sequence[str]) -> ModelsFile:
        """These models, at least one, without an alias; the first is the default."""
        return cls(default=names[0], models=MappingProxyType({name: ModelEntry() for name in names}))


def read_models_file(path: Path) -> ModelsFile:
    """Read a models.toml and the sidecars it names.

    Raises:
        ModelsFileError: one of them cannot be read, or says something wrong.
    """
    try:
        return parse_models_file(path.read_text("utf-8"), path=path)
    except UnicodeDecodeError as exc:
        raise ModelsFileError(f"{path.name}: not UTF-8") from exc
    except OSError as exc:
        raise ModelsFileError(f"{path}: {exc.strerror}") from exc


def parse_models_file(text: str, *, path: Path) -> ModelsFile:
    """Read the text of a models.toml; `path` is where it lies or will lie.

    Raises:
        ModelsFileError: saying what is wrong with it.
    """
    try:
        document = tomllib.loads(text)
    # The library lets others through as they are: that of a number of 5,000 digits, that of deep nesting.
    except (ValueError, RecursionError) as exc:
        raise ModelsFileError(f"{path.name}: not TOML: {exc}") from exc
    fields = Fields(document, document=path.name, error=ModelsFileError)
    fields.only("default", "base_path", "models")
    models = fields.object("models")
    entries = {name: _entry(models, name, folder=path.parent) for name in models}
    default = fields.string("default")
    if default not in entries:
        raise fields.refusal(f"default is {default!r}, which is not one of the models: {', '.join(entries)}")
    base_path = fields.string("base_path") if "base_path" in fields else ""
    return ModelsFile(default=default, models=MappingProxyType(entries), base_path=base_path)


def sidecar_of(model: Path) -> Sidecar | None:
    """The sidecar that the models.toml beside a model's folder names for it, if there is one.

    Raises:
        ModelsFileError: that models.toml cannot be read.
    """
    model = model.absolute()
    path = model.parent / FILE_NAME
    entry = read_models_file(path).models.get(model.name) if path.exists() else None
    return entry.sidecar if entry else None


def _entry(models: Fields, name: str, *, folder: Path) -> ModelEntry:
    try:
        check_model_name(name)
    except ManifestError as exc:
        raise models.refusal(str(exc)) from exc
    fields = models.object(name)
    fields.only("aliases", "canary", "shadow", "sidecar")
    aliases = _aliases(fields)
    return ModelEntry(
        aliases=MappingProxyType(aliases),
        canary=_share(fields, "canary", aliases),
        shadow=_share(fields, "shadow", aliases),
        sidecar=_sidecar(fields, name, aliases, folder=folder),
    )


def _aliases(fields: Fields) -> dict[str, int]:
    aliases = fields.integer_map("aliases") if "aliases" in fields else {}
    for alias, version in aliases.items():
        if not _ALIAS.fullmatch(alias):
            raise fields.member_refusal(
                f"aliases.{alias}", "is not up to 50 letters, digits, '_', '-' (first a letter)"
            )
        if version < 0:
            raise fields.member_refusal(f"aliases.{alias}", "is below 0")
    return aliases


def _share(fields: Fields, name: str, aliases: Mapping[str, int]) -> Share | None:
    if name not in fields:
        return None
    share = fields.object(name)
    share.only("alias", "percent")
    alias, percent = share.string("alias"), share.number("percent")
    if alias not in aliases:
        raise share.member_refusal("alias", f"is {alias!r}, which is not one of the model's aliases")
    if not 0 <= percent <= _ALL_PERCENT:
        raise share.member_refusal("percent", "is not from 0 to 100")
    return Share(alias=alias, percent=percent)


def _sidecar(fields: Fields, name: str, aliases: Mapping[str, int], *, folder: Path) -> Sidecar | None:
    """The sidecar, which must be of this model; it knows one version, so an alias can mean no other."""
    if "sidecar" not in fields:
        return None
    try:
        sidecar = read_sidecar(folder / fields.string("sidecar"))
    except SidecarError as exc:
        raise fields.member_refusal("sidecar", f"cannot be used: {exc}") from exc
    if sidecar.model != name:
        raise fields.member_refusal("sidecar", f"is of model {sidecar.model!r}")
    for alias, version in aliases.items():
        if version != sidecar.version:
            raise fields.member_refusal(
                f"aliases.{alias}", f"is version {version}, but the sidecar is of version {sidecar.version}"
            )
    return sidecar
