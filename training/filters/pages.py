"""Which pictures share a page, and the files they go to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from training.filters.ascent import Drawn
from training.filters.errors import TargetError
from training.filters.grid import page

_ON_A_PAGE = 16
_ON_THE_ONLY_PAGE = 25


def check_out(out: Path, *, pictures: int) -> None:
    """Refuse a destination before minutes are spent.

    Args:
        out: a PNG file, or a folder.
        pictures: how many there will be.

    Raises:
        TargetError: a file of another format, in no folder, or one file for several pages.
    """
    if is_file(out) and not out.parent.is_dir():
        raise TargetError(f"there is no folder {out.parent}")
    if out.suffix.lower() in set(Image.registered_extensions()) - {".png"}:
        raise TargetError(f"{out} is neither a .png nor a folder")
    if is_file(out) and pictures > _ON_THE_ONLY_PAGE:
        raise TargetError(f"{pictures} pictures take several pages: name a folder instead of {out}")


def save_pages(drawn: Sequence[Drawn], out: Path, *, name: str) -> list[Path]:
    """Write `out`, or `out/<name>.png`, or a `out/<name>-<number>.png` for every 16 pictures.

    Raises:
        OSError: a file cannot be written.
    """
    if len(drawn) <= _ON_THE_ONLY_PAGE:
        pages, names = [drawn], [f"{name}.png"]
    else:
        pages = [drawn[start : start + _ON_A_PAGE] for start in range(0, len(drawn), _ON_A_PAGE)]
        names = [f"{name}-{number}.png" for number in range(1, len(pages) + 1)]
    return [save(page(part), out, name=its_name) for part, its_name in zip(pages, names, strict=True)]


def save(picture: Image.Image, out: Path, *, name: str) -> Path:
    """Write `out`, or `out/<name>` where that is a folder; the path."""
    path = out if is_file(out) else out / name
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path)
    return path


def is_file(out: Path) -> bool:
    """Whether the name is that of a picture rather than of a folder."""
    return out.suffix.lower() == ".png" and not out.is_dir()
