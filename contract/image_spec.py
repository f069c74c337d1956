"""How pixels are made for one model: a value that travels in its manifest."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from contract.errors import ManifestError
from contract.fields import Fields

Fit = Literal["stretch", "crop", "pad"]
Filter = Literal["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"]

MAX_SIDE = 4096


@dataclass(frozen=True, kw_only=True)
class ImageSpec:
    """The pixels a model takes: uint8 RGB [height, width, 3].

    Attributes:
        height: rows, 1 to 4096.
        width: columns, 1 to 4096.
        fit: `stretch` ignores the aspect ratio, `crop` fills the frame and cuts what hangs over,
            `pad` shows the whole picture on a frame of colour `fill`.
        fill: RGB, 0 to 255 each; used by `pad` alone.
        filter: Pillow's resampling filter.
    """

    height: int = 224
    width: int = 224
    fit: Fit = "stretch"
    fill: tuple[int, int, int] = (0, 0, 0)
    filter: Filter = "bilinear"

    def __post_init__(self) -> None:
        """Refuse what no decoder could follow.

        Raises:
            ManifestError: a side out of range, an unknown fit or filter, a colour out of range.
        """
        if not (0 < self.height <= MAX_SIDE and 0 < self.width <= MAX_SIDE):
            raise ManifestError(f"image size {self.width}x{self.height} is not within 1 to {MAX_SIDE}")
        if self.fit not in get_args(Fit):
            raise ManifestError(f"image fit {self.fit!r} is not one of {', '.join(get_args(Fit))}")
        if self.filter not in get_args(Filter):
            raise ManifestError(f"image filter {self.filter!r} is not one of {', '.join(get_args(Filter))}")
        if len(self.fill) != 3 or not all(0 <= value <= 255 for value in self.fill):  # noqa: PLR2004 - RGB, 8 bits
            raise ManifestError(f"image fill {self.fill!r} is not three values from 0 to 255")

    @property
    def shape(self) -> tuple[int, int, int]:
        """[height, width, 3], the shape of one decoded image."""
        return (self.height, self.width, 3)

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return asdict(self)

    @classmethod
    def from_fields(cls, fields: Fields) -> ImageSpec:
        """Read the JSON form.

        Raises:
            ManifestError: a member is missing, of another type or out of range.
        """
        red, green, blue = fields.integers("fill", length=3)
        return cls(
            height=fields.integer("height"),
            width=fields.integer("width"),
            fit=fields.one_of("fit", get_args(Fit)),
            fill=(red, green, blue),
            filter=fields.one_of("filter", get_args(Filter)),
        )
