"""What is wrong with the folder of one version, as far as its files tell."""

from __future__ import annotations

import os
import re
import stat
import struct
from collections.abc import Iterator
from pathlib import Path

from contract.errors import ManifestError, MiwakeError, ModelFolderError
from contract.model_folder import read_manifest
from contract.sidecar import Sidecar
from modelserver.finding import Finding, Level, error, warning

WARMUP_FILE = "assets.extra/tf_serving_warmup_requests"
# TensorFlow Serving refuses a version with more.
_MAX_WARMUP_RECORDS = 1000
_TFRECORD_LENGTH = struct.Struct("<Q")
_TFRECORD_CHECKSUMS_BYTES = 4 + 4
_DATA = re.compile(r"variables\.data-[0-9]{5}-of-(?P<count>[0-9]{5})")
_FOR_OTHERS = {True: stat.S_IROTH | stat.S_IXOTH, False: stat.S_IROTH}


class UnfitVersionError(MiwakeError):
    """A version that must not be served, or cannot be put where it is wanted."""


def refuse_unfit(folder: Path, *, model: str, sidecar: Sidecar | None) -> None:
    """Let nothing pass that `lint_version` calls an error.

    Raises:
        UnfitVersionError: the first one.
    """
    for finding in lint_version(folder, model=model, sidecar=sidecar):
        if finding.level is Level.ERROR:
            raise UnfitVersionError(f"{finding.where}: {finding.text}")


def lint_version(folder: Path, *, model: str, sidecar: Sidecar | None) -> Iterator[Finding]:
    """Look at one version of a model.

    Args:
        folder: of the version.
        model: the name it is served by.
        sidecar: of a model made elsewhere.
    """
    graph = folder / "saved_model.pb"
    if not graph.is_file():
        yield error(folder, "saved_model.pb is missing")
    elif not graph.stat().st_size:
        yield error(folder, "saved_model.pb is empty")
    yield from _lint_weights(folder)
    if sidecar is None:
        yield from _lint_manifest(folder, model)
    yield from _lint_warmup(folder)
    yield from _lint_permissions(folder)


def _lint_weights(folder: Path) -> Iterator[Finding]:
    """A checkpoint is an index and as many files of data as their names say."""
    variables = folder / "variables"
    index = (variables / "variables.index").is_file()
    data = [match for path in variables.glob("variables.data-*") if (match := _DATA.fullmatch(path.name))]
    if index and not data:
        yield error(folder, "its weights are missing: variables/ holds an index and no data")
    elif data and not index:
        yield error(folder, "its weights are of no use: variables/ holds no index")
    elif data and len(data) != int(data[0]["count"]):
        yield error(folder, f"of its weights {len(data)} of {int(data[0]['count'])} files are there")


def _lint_manifest(folder: Path, model: str) -> Iterator[Finding]:
    try:
        manifest = read_manifest(folder)
    except ModelFolderError:
        yield error(
            folder, "it carries no manifest: a model made elsewhere needs a sidecar, named in models.toml"
        )
    except ManifestError as exc:
        yield error(folder, str(exc))
    except OSError as exc:
        yield error(folder, f"its manifest cannot be read: {exc.strerror}")
    else:
        if manifest.name != model:
            yield error(folder, f"its manifest says that it is a version of {manifest.name!r}")


def _lint_warmup(folder: Path) -> Iterator[Finding]:
    file = folder / WARMUP_FILE
    if not file.is_file():
        yield warning(folder, "no warm-up requests: the first answers will be slow")
        return
    try:
        records = _count_records(file)
    except ValueError:
        yield error(folder, "its warm-up requests are damaged")
        return
    except OSError as exc:
        yield error(folder, f"its warm-up requests cannot be read: {exc.strerror}")
        return
    if records == 0:
        yield warning(folder, "no warm-up requests: the first answers will be slow")
    if records > _MAX_WARMUP_RECORDS:
        yield error(
            folder, f"{records} warm-up requests are more than the {_MAX_WARMUP_RECORDS} that are taken"
        )


def _count_records(file: Path) -> int:
    """The records of a TFRecord file: length, checksum, content, checksum.

    Raises:
        ValueError: the last one is cut off.
        OSError: it cannot be read.
    """
    size, count, position = file.stat().st_size, 0, 0
    with file.open("rb") as stream:
        while position < size:
            stream.seek(position)
            header = stream.read(_TFRECORD_LENGTH.size)
            if len(header) < _TFRECORD_LENGTH.size:
                raise ValueError(position)
            (length,) = _TFRECORD_LENGTH.unpack(header)
            position += _TFRECORD_LENGTH.size + _TFRECORD_CHECKSUMS_BYTES + length
            count += 1
    if position != size:
        raise ValueError(position)
    return count


def _lint_permissions(folder: Path) -> Iterator[Finding]:
    """Whether this user, and one that a model server may run as, can read everything."""
    closed = []
    for path in (folder, *sorted(folder.rglob("*"))):
        name = path.relative_to(folder.parent)
        if not path.exists():
            yield error(folder, f"{name} is a link to nowhere")
        elif not os.access(path, os.R_OK | (os.X_OK if path.is_dir() else 0)):
            yield error(folder, f"{name} may not be read")
        elif ~path.stat().st_mode & _FOR_OTHERS[path.is_dir()]:
            closed.append(name)
    if closed:
        others = f" and {len(closed) - 1} more" if len(closed) > 1 else ""
        yield warning(
            folder, f"{closed[0]}{others} may be read by its owner only: a server of another user cannot"
        )
