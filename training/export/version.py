"""Everything one version holds, written and checked; see `contract.manifest` for what servers read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow as tf

from contract.manifest import MANIFEST_FILE, Manifest
from contract.model_folder import version_folders
from training.cut import CutModel
from training.errors import ExportError
from training.export.gate import check_version
from training.export.graph import write_saved_model
from training.export.publish import publish
from training.export.warmup import WARMUP_FILE, write_warmup
from training.run_folder import csv_of

SPLIT_FILE = "split.csv"
_REPORT_FILE = "report.json"
_EXTRA = Path(MANIFEST_FILE).parent


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """What a person wants to know of a training run later.

    Attributes:
        report: figures and facts, as JSON.
        split: a row a photograph: path, label, split, sha256.
        history: a row an epoch.
        run: its id, by which `version_of_run` finds the version again.
    """

    report: Mapping[str, Any]
    split: Sequence[Mapping[str, object]]
    history: Sequence[Mapping[str, object]]
    run: str | None = None


def export_version(  # noqa: PLR0913 - all of a version
    model: Any,
    base: Path,
    *,
    split: CutModel,
    manifest: Manifest,
    record: RunRecord,
    keep_keras: bool,
) -> Path:
    """Write, check and publish one version.

    Args:
        model: uint8 [N, H, W, 3] to logits float32 [N, C].
        base: `<models>/<name>`.
        split: the same network, cut for Grad-CAM.
        manifest: complete.
        record: of the run.
        keep_keras: whether `model.keras` travels too.

    Returns:
        `<base>/<number>`.

    Raises:
        ExportError: it cannot be written.
        ContractBrokenError: what was written does not answer as the network does.
    """

    def write(folder: Path) -> None:
        (folder / _EXTRA).mkdir()
        _write_records(folder / _EXTRA, record)
        if keep_keras:
            model.save(folder / _EXTRA / "model.keras")
        _write_for_servers(model, folder, split=split, manifest=manifest)
        check_version(folder, manifest)

    return publish(base, write)


def version_of_run(base: Path, run: str) -> Path | None:
    """The version that a run has published already, or None.

    Args:
        base: `<models>/<name>`.
        run: its id.
    """
    for folder in version_folders(base).values():
        if _run_of(folder) == run:
            return folder
    return None


def _run_of(version: Path) -> str | None:
    try:
        return str(json.loads((version / _EXTRA / _REPORT_FILE).read_text("utf-8"))["run"])
    except (OSError, ValueError, KeyError, TypeError):  # no version of ours
        return None


def _write_for_servers(model: Any, folder: Path, *, split: CutModel, manifest: Manifest) -> None:
    manifest_json = manifest.to_json()
    (folder / MANIFEST_FILE).write_text(manifest_json, "utf-8")
    try:
        write_warmup(
            folder / WARMUP_FILE,
            model=manifest.name,
            spec=manifest.image,
            max_batch_size=manifest.max_batch_size,
        )
    except tf.errors.OpError as exc:
        raise ExportError(f"cannot write the warm-up requests: {exc.message}") from exc
    write_saved_model(
        model, folder, split=split, temperature=manifest.temperature, manifest_json=manifest_json
    )


def _write_records(folder: Path, record: RunRecord) -> None:
    report = json.dumps({**record.report, "run": record.run}, ensure_ascii=False, indent=2) + "\n"
    (folder / _REPORT_FILE).write_text(report, "utf-8")
    (folder / SPLIT_FILE).write_text(csv_of(record.split), "utf-8")
    (folder / "history.csv").write_text(csv_of(record.history), "utf-8")
