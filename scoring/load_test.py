"""Whether the versions in a folder load and answer as they promise, which their files cannot tell."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from pathlib import Path

from contract.errors import MiwakeError
from contract.model_folder import version_folders
from modelserver.finding import Finding, error
from modelserver.launch import Kind
from modelserver.models_lint import is_model_folder
from scoring.one_version import one_version


def load_test(folder: Path, *, leave_out: Collection[Path], kind: Kind = Kind.AUTO) -> list[Finding]:
    """Load one version after the other, as a model server does, and run its self-test.

    Args:
        folder: of models, of one model, or of one version.
        leave_out: absolute folders of versions, or of models, that need no test.
        kind: of model server.

    Returns:
        An error for each that fails.
    """
    folders = [path for path in _versions(folder.absolute()) if not {path, path.parent} & set(leave_out)]
    outcomes = [(path, asyncio.run(_failure(path, kind))) for path in folders]
    return [error(path, text) for path, text in outcomes if text]


async def _failure(version: Path, kind: Kind) -> str:
    try:
        async with one_version(version, kind=kind):
            return ""
    except MiwakeError as exc:
        return str(exc)


def _versions(folder: Path) -> list[Path]:
    if (folder / "saved_model.pb").exists():
        return [folder]
    models = [folder] if is_model_folder(folder) else sorted(folder.iterdir())
    return [version for model in models for version in version_folders(model).values()]
