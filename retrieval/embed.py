"""Texts to vectors in batches, each distinct text once, and none that an earlier index already encoded.

An update of a corpus changes a few texts. Vectors are kept with a key of their text, so the next
index takes over what stayed the same and encodes the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.digest import digest
from models.progress import Progress
from models.protocols import Encoder, Vectors

BATCH = 128


@dataclass(slots=True)
class KnownVectors:
    """Vectors of an earlier index of the same encoder, by text key."""

    places: dict[bytes, tuple[Vectors, int]] = field(default_factory=dict)

    def add(self, keys: NDArray[np.bytes_], vectors: Vectors) -> None:
        """Remember row i of `vectors` under `keys[i]`."""
        self.places.update((key, (vectors, row)) for row, key in enumerate(keys.tolist()))


@dataclass(frozen=True, slots=True)
class Embedded:
    """Texts as vectors.

    Attributes:
        vectors: Array (n, dimension), float32, rows of norm 1.
        keys: Array (n,) of text keys.
    """

    vectors: Vectors
    keys: NDArray[np.bytes_]


def embed(texts: Sequence[str], encoder: Encoder, known: KnownVectors, progress: Progress, label: str) -> Embedded:
    """Encode `texts` under a progress step named `label`, which counts texts.

    Args:
        texts: In the order of the rows wanted; repetitions are encoded once.
        encoder: Makes the vectors.
        known: Vectors to take over.
        progress: Drawn only if there is something to encode.
        label: Such as "embed passages".
    """
    keys = [digest(text).encode("ascii") for text in texts]
    vectors = np.zeros((len(texts), encoder.dimension), dtype=np.float32)
    new: dict[bytes, str] = {}
    for row, (key, text) in enumerate(zip(keys, texts, strict=True)):
        if key in known.places:
            source, place = known.places[key]
            vectors[row] = source[place]
        else:
            new.setdefault(key, text)
    if new:
        fresh = _encode(list(new.values()), encoder, progress, label)
        place_of = {key: place for place, key in enumerate(new)}
        rows = [row for row, key in enumerate(keys) if key in place_of]
        vectors[rows] = fresh[[place_of[keys[row]] for row in rows]]
    return Embedded(vectors, np.array(keys, dtype="S32"))


def _encode(texts: list[str], encoder: Encoder, progress: Progress, label: str) -> Vectors:
    # Longest first: batches of like lengths waste no padding, and a text too large for memory shows at once.
    order = sorted(range(len(texts)), key=lambda row: (-len(texts[row]), row))
    vectors = np.zeros((len(texts), encoder.dimension), dtype=np.float32)
    with progress.step(label, total=len(texts), unit="texts") as step:
        for first in range(0, len(order), BATCH):
            rows = order[first : first + BATCH]
            vectors[rows] = encoder.encode([texts[row] for row in rows], "passage")
            step.advance(len(rows))
    return vectors
