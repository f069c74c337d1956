"""What training refuses, each in one clear line."""

from __future__ import annotations

from contract.errors import MiwakeError


class DatasetError(MiwakeError):
    """The photographs cannot be trained on as they lie."""

    code = "dataset_invalid"


class UnreadableFileError(MiwakeError):
    """One of the photographs is no file, or may not be read."""

    code = "unreadable_file"


class CacheError(MiwakeError):
    """Decoded pixels, or what frozen layers gave, cannot be kept on disk."""

    code = "cache_unwritable"


class RecipeError(MiwakeError):
    """No such recipe, or one that says something that cannot be followed."""

    code = "recipe_invalid"


class WeightsError(MiwakeError):
    """The weights a network should start from are missing, or are not what they should be."""

    code = "weights_missing"


class FitError(MiwakeError):
    """The fit went wrong; there is nothing to measure or to publish."""

    code = "fit_diverged"


class OutOfMemoryError(MiwakeError):
    """A device's memory does not hold what is computed at once."""

    code = "out_of_memory"


class ExportError(MiwakeError):
    """A version could not be written or published; nothing of it remains."""

    code = "export_failed"


class RunError(MiwakeError):
    """The folder of a run cannot be written, or holds what cannot be read."""

    code = "run_unusable"


class StrategyError(MiwakeError):
    """The fit cannot run on the devices that were asked for."""

    code = "strategy_unsupported"
