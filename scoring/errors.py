"""What can go wrong with a run of scoring, apart from a single photograph."""

from __future__ import annotations

from contract.errors import ImageError, MiwakeError


class ScoringError(MiwakeError):
    """A run that cannot begin, or go on; what is done stays done."""


class SourceError(ScoringError):
    """Nothing can be listed there."""

    code = "source_unreadable"


class OutputError(ScoringError):
    """What lies at the output is not this run's, or cannot be written."""

    code = "output_refused"


class VersionChangedError(ScoringError):
    """The version that began the run answers no more, or is not the same any more."""

    code = "version_changed"


class TargetAwayError(ScoringError):
    """Nothing has answered for as long as the run may wait."""

    code = "model_server_away"


class TooManyErrorsError(ScoringError):
    """More photographs were refused than the run allows."""

    code = "too_many_errors"


class UnreadableImageError(ImageError):
    """A file that was listed but cannot be read now."""

    code = "image_unreadable"


class ImageTooLargeError(ImageError):
    """More bytes than a photograph may have; it was not decoded."""

    code = "body_too_large"
