"""What a model answers to images like those it was made for: the measure that drift is told by."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from contract.errors import ManifestError
from contract.fields import Fields

_SUM_TOLERANCE = 1e-3


@dataclass(frozen=True, kw_only=True)
class ReferenceFacts:
    """The answers to the test split, whether right or wrong.

    Attributes:
        images: in it, at least 1.
        label_shares: [C], the share of them whose most probable label it is, threshold or not; sums to 1.
        top_probability: the mean of their largest probabilities.
        unknown_share: the share of them under the threshold.
    """

    images: int
    label_shares: tuple[float, ...]
    top_probability: float
    unknown_share: float

    def __post_init__(self) -> None:
        """Refuse what nothing could be compared with.

        Raises:
            ManifestError: saying which member.
        """
        if self.images < 1:
            raise ManifestError("manifest: reference.images must be at least 1")
        for name in ("top_probability", "unknown_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ManifestError(f"manifest: reference.{name} must be from 0 to 1")
        if min(self.label_shares, default=-1) < 0 or abs(sum(self.label_shares) - 1) > _SUM_TOLERANCE:
            raise ManifestError("manifest: reference.label_shares must be shares that sum to 1")

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return asdict(self) | {"label_shares": list(self.label_shares)}

    @classmethod
    def from_fields(cls, fields: Fields) -> ReferenceFacts:
        """Read the JSON form.

        Raises:
            ManifestError: a member is missing or wrong.
        """
        return cls(
            images=fields.integer("images"),
            label_shares=fields.numbers("label_shares"),
            top_probability=fields.number("top_probability"),
            unknown_share=fields.number("unknown_share"),
        )
