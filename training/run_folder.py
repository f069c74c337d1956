"""`runs/<id>/`: what a run leaves for people, and what it needs to go on after an interruption.

A run is finished when `report.json` is there, which is written last. Until then `run.json` says what was
asked for and `progress.npz` how far it has come; the same command then goes on instead of starting anew.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from contract.aside import aside_path, remove_files_aside
from contract.locks import locked, locked_if_ours
from training.errors import RunError
from training.progress import HistoryRow, Progress, load_progress, save_progress

REPORT_FILE, HISTORY_FILE, SPLIT_FILE, PREDICTIONS_FILE = (
    "report.json",
    "history.csv",
    "split.csv",
    "predictions.csv",
)
_RUN_FILE, _PROGRESS_FILE, _LOCK_FILE = "run.json", "progress.npz", "lock"


@dataclass(frozen=True, kw_only=True)
class RunFolder:
    """The folder of one run, locked by this process.

    Attributes:
        path: `runs/<id>`.
        progress: of an interrupted run that is gone on with, or None.
    """

    path: Path
    progress: Progress | None

    def save(self, progress: Progress) -> None:
        """Keep the progress and show the history so far.

        Raises:
            RunError: they cannot be written.
        """
        save_progress(self.path / _PROGRESS_FILE, progress)
        self._write(HISTORY_FILE, csv_of(progress.history))

    def write_tables(
        self,
        *,
        history: Sequence[HistoryRow],
        split: Sequence[Mapping[str, object]],
        predictions: Sequence[Mapping[str, object]],
    ) -> None:
        """Write what is left for people but for the report; the run stays an unfinished one.

        Raises:
            RunError: they cannot be written.
        """
        self._write(HISTORY_FILE, csv_of(history))
        self._write(SPLIT_FILE, csv_of(split))
        self._write(PREDICTIONS_FILE, csv_of(predictions))

    def finish(self, report: Mapping[str, Any]) -> None:
        """Write the report: from then on the run is a finished one, and its progress goes.

        Raises:
            RunError: it cannot be written.
        """
        self._write(REPORT_FILE, json.dumps(report, ensure_ascii=False, indent=2) + "\n")
        try:
            (self.path / _PROGRESS_FILE).unlink(missing_ok=True)
        except OSError as exc:
            raise RunError(f"cannot remove {self.path / _PROGRESS_FILE}: {exc.strerror}") from exc

    def _write(self, name: str, text: str) -> None:
        aside = aside_path(self.path / name)
        try:
            aside.write_text(text, "utf-8")
            aside.replace(self.path / name)
        except OSError as exc:
            raise RunError(f"cannot write {self.path / name}: {exc.strerror}") from exc
        finally:
            aside.unlink(missing_ok=True)


@contextmanager
def open_run(
    runs: Path, *, name: str, command: str, facts: Mapping[str, Any], fresh: bool
) -> Iterator[RunFolder]:
    """Go on with an unfinished run of the same facts, or begin one.

    Args:
        runs: the folder of all runs; created where it is missing.
        name: of the model; runs are named by it and the time.
        command: that started it.
        facts: everything that decides the outcome, as JSON.
        fresh: begin one whatever is there.

    Raises:
        RunError: the folder cannot be written, or its progress cannot be read.
    """
    fingerprint = hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()
    try:
        runs.mkdir(parents=True, exist_ok=True)
        path, lock = (None if fresh else _unfinished(runs, fingerprint)) or _begin(
            runs, name=name, command=command, facts=facts, fingerprint=fingerprint
        )
    except OSError as exc:
        raise RunError(f"cannot keep runs in {runs}: {exc.strerror or exc}") from exc
    with lock:
        _tidy(path)
        yield RunFolder(path=path, progress=load_progress(path / _PROGRESS_FILE))


def csv_of(rows: Iterable[Mapping[str, object]]) -> str:
    """CSV with a header of the first row's keys; empty where there is no row."""
    listed = list(rows)
    text = io.StringIO()
    if listed:
        writer = csv.DictWriter(text, fieldnames=list(listed[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(listed)
    return text.getvalue()


def _unfinished(runs: Path, fingerprint: str) -> tuple[Path, BinaryIO] | None:
    """The newest run of these facts that was interrupted, locked; none of another process or user."""
    for path in sorted(runs.iterdir(), reverse=True):
        if _fingerprint(path) != fingerprint or (path / REPORT_FILE).exists():
            continue
        lock = locked_if_ours(path / _LOCK_FILE)
        if lock is None:
            continue
        if not (path / REPORT_FILE).exists():  # it may have been finished since
            return path, lock
        lock.close()
    return None


def _fingerprint(path: Path) -> str | None:
    try:
        return str(json.loads((path / _RUN_FILE).read_text("utf-8"))["fingerprint"])
    except (OSError, ValueError, KeyError, TypeError):  # no run of ours
        return None


def _begin(
    runs: Path, *, name: str, command: str, facts: Mapping[str, Any], fingerprint: str
) -> tuple[Path, BinaryIO]:
    started = datetime.now(UTC)
    path = runs / f"{name}-{started:%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:4]}"
    path.mkdir()
    lock = locked(path / _LOCK_FILE)
    if lock is None:  # nobody else knows of it
        raise RunError(f"cannot lock {path}")
    document = {"command": command, "started": started.isoformat(timespec="seconds"), "facts": facts}
    text = json.dumps(document | {"fingerprint": fingerprint}, indent=2, default=str, ensure_ascii=False)
    try:
        (path / _RUN_FILE).write_text(text + "\n", "utf-8")
    except OSError:
        lock.close()
        raise
    return path, lock


def _tidy(path: Path) -> None:
    """Remove what a killed process left aside in a run that is locked now."""
    try:
        remove_files_aside(path)
    except OSError as exc:
        raise RunError(f"cannot tidy {path}: {exc.strerror}") from exc
