"""What one run of scoring is asked to do, and which of it another run must share to go on with its output."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scoring.errors import OutputError
from scoring.output.layout import Format
from scoring.row import Extras
from scoring.sources.listed import Shard
from scoring.sources.lists import MARK
from scoring.sources.remote import is_url
from scoring.targets.opening import Address
from scoring.targets.target import Wanted

DEFAULT_MAX_IMAGE_BYTES = 32 * 1024 * 1024
DEFAULT_PART_ROWS = 10_000
# Over a network a thread mostly waits.
_REMOTE_THREADS = 16


@dataclass(frozen=True, kw_only=True)
class Job:
    """A run.

    Attributes:
        sources: see `scoring.sources.listing`.
        address: of what predicts.
        version: that answers; None for the newest, once, at the start.
        out: a file or a folder.
        format: None for what the name of `out` says.
        wanted: of each photograph.
        max_image_bytes: of each; more is refused.
        shard: the part of the photographs that this run scores.
        dedupe: predict photographs of equal bytes once.
        part_rows: photographs a file of the output, or of what it is made from.
        quarantine: a folder for copies of refused files.
        max_errors: refused photographs that are still no reason to stop; None for any number.
        follow_versions: whether another version may go on where the first is not served any more.
        wait_seconds: for a target that answers nothing at all.
        threads: that read and decode; None for what suits sources and target.
        calls: batches under way at once; None for what suits the target.
    """

    sources: tuple[str, ...]
    address: Address
    version: int | None = None
    out: Path
    format: Format | None = None
    wanted: Wanted
    max_image_bytes: int = DEFAULT_MAX_IMAGE_BYTES
    shard: Shard = field(default_factory=Shard)
    dedupe: bool = False
    part_rows: int = DEFAULT_PART_ROWS
    quarantine: Path | None = None
    max_errors: int | None = None
    follow_versions: bool = False
    wait_seconds: float = 600.0
    threads: int | None = None
    calls: int | None = None

    @property
    def extras(self) -> Extras:
        """Columns beside the label."""
        return self.wanted.extras

    def threads_on(self, cores: int) -> int:
        """That read and decode where there are so many cores."""
        remote = any(source.startswith(MARK) or is_url(source) for source in self.sources)
        return self.threads or (_REMOTE_THREADS if remote else cores)

    def fingerprint(self, format_: Format) -> Mapping[str, Any]:
        """All that the rows depend on, but for the version, by the names of the options.

        Where the model runs may change from run to run, and so may threads, limits and waits.
        """
        return {
            "SOURCE": list(self.sources),
            "--to": "a gateway" if self.address.is_gateway else "a model server",
            "--model": self.address.model_name,
            "--format": str(format_),
            "--top": self.wanted.top_k,
            "--max-image-pixels": self.wanted.max_pixels,
            "--max-image-bytes": self.max_image_bytes,
            "--shard": str(self.shard),
            "--dedupe": self.dedupe,
            "--part-rows": self.part_rows,
            "--embeddings": self.extras.embedding,
            "--heatmaps": self.extras.heatmap,
        }


def refuse_another(found: Mapping[str, Any], wanted: Mapping[str, Any], *, ledger: Path) -> None:
    """Compare the fingerprint of the run that began an output with that of the one that would go on.

    Raises:
        OutputError: naming the first thing that differs.
    """
    for name, value in wanted.items():
        if found.get(name) != value:
            raise OutputError(
                f"{ledger} is of another run: its {name} was {_shown(found.get(name))}, not {_shown(value)}; "
                "choose another --out, or remove this one and its ledger"
            )


def _shown(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
