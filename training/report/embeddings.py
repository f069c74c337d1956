"""Embeddings of some of the photographs, and their two principal components."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from training.export.graph import embedder
from training.inference import infer
from training.samples import Samples

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Embedded:
    """Some images of a split.

    Attributes:
        indexes: int64 [M], rising, which of the split's images.
        labels: int64 [M], class indexes.
        vectors: float32 [M, D], of length 1 each.
    """

    indexes: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    vectors: Floats


@dataclass(frozen=True, kw_only=True)
class Plane:
    """The plane in which points spread most.

    Attributes:
        points: float64 [M, 2].
        shares: of the whole variance along each axis.
    """

    points: npt.NDArray[np.float64]
    shares: tuple[float, float]


def embed_some(model: Any, samples: Samples, *, most: int, seed: int) -> Embedded:
    """The embeddings of at most so many images, drawn at random."""
    chosen = np.random.default_rng(seed).permutation(len(samples))[:most]
    indexes = np.sort(chosen)
    some = replace(samples, rows=samples.rows[indexes], labels=samples.labels[indexes])
    features = infer(embedder(model), some, description="embeddings", progress=False)
    return Embedded(indexes=indexes, labels=some.labels, vectors=of_length_1(features))


def of_length_1(features: Floats) -> Floats:
    """Each row divided by its length, as the exported `embed` does; zeros stay zeros."""
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    shares: Floats = np.divide(features, lengths, out=np.zeros_like(features), where=lengths > 0)
    return shares


def principal_plane(vectors: npt.NDArray[np.floating]) -> Plane:
    """Principal component analysis.

    By the products of the images with each other, as they are fewer than the dimensions may be: with the
    singular value decomposition X = U S V', the points U S come from X X' = U S² U' alone.

    Args:
        vectors: [M, D], M and D at least 1.
    """
    centred = vectors - vectors.mean(axis=0, dtype=np.float64)
    left, squares, _ = np.linalg.svd(centred @ centred.T, hermitian=True)
    points = np.zeros((len(vectors), 2))
    found = left[:, :2] * np.sqrt(squares[:2])
    points[:, : found.shape[1]] = found
    total = float(squares.sum())
    shares = [float(square) / total if total else 0.0 for square in squares[:2]]
    return Plane(points=points, shares=(shares[0], shares[1] if len(shares) > 1 else 0.0))
