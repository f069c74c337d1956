"""What a model says of its probabilities and its threshold for `unknown`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from contract.errors import ManifestError
from contract.fields import Fields


@dataclass(frozen=True, kw_only=True)
class CalibrationFacts:
    """How temperature and threshold were chosen, and how well they do on images that chose neither.

    Attributes:
        images: that temperature and threshold were fitted on: the validation split, or those of the
            training split out of fold.
        at_bound: whether the best temperature lies at the edge of what was allowed.
        coverage: the share of those images that the threshold was chosen to answer.
        test_coverage: the share of the test images that it answers.
        test_error_before: expected calibration error (15 bins) on the test split at temperature 1.
        test_error_after: the same at the model's temperature.
    """

    images: int
    at_bound: bool
    coverage: float
    test_coverage: float
    test_error_before: float
    test_error_after: float

    def __post_init__(self) -> None:
        """Refuse what is no share.

        Raises:
            ManifestError: saying which member.
        """
        for name in ("coverage", "test_coverage", "test_error_before", "test_error_after"):
            if not 0 <= getattr(self, name) <= 1:
                raise ManifestError(f"manifest: calibration.{name} must be from 0 to 1")

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return asdict(self)

    @classmethod
    def from_fields(cls, fields: Fields) -> CalibrationFacts:
        """Read the JSON form.

        Raises:
            ManifestError: a member is missing or wrong.
        """
        return cls(
            images=fields.integer("images"),
            at_bound=bool(fields.one_of("at_bound", (True, False))),
            coverage=fields.number("coverage"),
            test_coverage=fields.number("test_coverage"),
            test_error_before=fields.number("test_error_before"),
            test_error_after=fields.number("test_error_after"),
        )
