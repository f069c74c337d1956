"""How many photographs of a class each split gets."""

from __future__ import annotations

from dataclasses import dataclass

from training.errors import DatasetError
from training.photographs import Split

_ROUNDING = 1e-9


@dataclass(frozen=True)
class Count:
    """So many photographs of each class."""

    photographs: int

    def of(self, _photographs: int) -> int:
        """The number of them."""
        return self.photographs


@dataclass(frozen=True)
class Fraction:
    """Such a part of the photographs of each class, 0 to 1."""

    value: float

    def of(self, photographs: int) -> int:
        """The number of them: at least one, unless the fraction is 0."""
        return max(1, round(self.value * photographs)) if self.value else 0


Share = Count | Fraction


@dataclass(frozen=True, kw_only=True)
class Shares:
    """What each split gets of a class.

    Attributes:
        train: or None for all that the others leave.
        validation: 0 where there shall be none.
        test: the same.
        folds: how many disjoint test splits are to be made.
    """

    train: Share | None = None
    validation: Share = Fraction(0.15)
    test: Share = Fraction(0.15)
    folds: int = 1

    def __post_init__(self) -> None:
        """Refuse what no class could follow.

        Raises:
            DatasetError: fractions of more than a class, or several folds with nothing to test.
        """
        shares = (self.train, self.validation, self.test)
        if sum(share.value for share in shares if isinstance(share, Fraction)) > 1 + _ROUNDING:
            raise DatasetError("the fractions of train, validation and test are more than 1 together")
        if self.folds > 1 and self.test in {Count(0), Fraction(0)}:
            raise DatasetError(f"{self.folds} folds differ in their test split, which is to be empty")

    def counts(self, label: str, photographs: int) -> dict[Split, int]:
        """The numbers for a class of so many different photographs.

        Raises:
            DatasetError: it has too few of them.
        """
        validation, test = self.validation.of(photographs), self.test.of(photographs)
        rest = photographs - validation - test
        train = self._train(photographs, rest)
        if not 0 < train <= rest:
            raise DatasetError(
                f"the class {label!r} has {photographs} different photographs, too few for "
                f"{max(train, 1)} in train, {validation} in validation and {test} in test"
            )
        if self.folds * test > photographs:
            raise DatasetError(
                f"the class {label!r} has {photographs} different photographs, too few for "
                f"{self.folds} folds that test {test} each"
            )
        return {"validation": validation, "test": test, "train": train}

    def _train(self, photographs: int, rest: int) -> int:
        if self.train is None:
            return rest
        wanted = self.train.of(photographs)
        # Rounded, fractions may ask for one photograph too many.
        return min(wanted, rest) if isinstance(self.train, Fraction) else wanted
