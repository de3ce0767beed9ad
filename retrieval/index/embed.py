"""Texts to vectors in batches: each distinct text once, and none that an earlier index already encoded.

An update of a corpus changes a few texts. Vectors are kept with a key of their text, so that the next index takes over
what stayed the same and encodes the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError
from models.files.digest import digest
from models.protocols import Encoder, Vectors
from models.runtime.batches import batches
from models.runtime.progress import Progress

BATCH = 128
"""Number of texts that are encoded at once."""


@dataclass(slots=True)
class VectorCache:
    """Vectors of an earlier index of the same encoder.

    Attributes:
        rows: Key of a text to an array of vectors and the row in it.
    """

    rows: dict[bytes, tuple[Vectors, int]] = field(default_factory=dict)

    def add(self, keys: NDArray[np.bytes_], vectors: Vectors) -> None:
        """Remember row i of `vectors` under `keys[i]`."""
        self.rows.update((key, (vectors, row)) for row, key in enumerate(keys.tolist()))


def embed(
    texts: Sequence[str], out: Vectors, encoder: Encoder, cache: VectorCache, progress: Progress, label: str
) -> NDArray[np.bytes_]:
    """Encode `texts` under a progress step named `label`, which counts texts.

    Args:
        texts: Texts in the order of the rows wanted; repetitions are encoded once.
        out: Array (len(texts), dimension), float32, that is filled with rows of norm 1; may lie in a file.
        encoder: Makes the vectors.
        cache: Vectors to take over.
        progress: Progress callback, called only if there is something to encode.
        label: Name of the step, such as "embed passages".
    Returns:
        Array (len(texts),) of text keys, ASCII bytes.
    Raises:
        ModelError: A vector is not finite.
    """
    keys = [digest(text).encode("ascii") for text in texts]
    rows_of: dict[bytes, list[int]] = {}
    for row, key in enumerate(keys):
        if key in cache.rows:
            vectors, cached_row = cache.rows[key]
            out[row] = vectors[cached_row]
        else:
            rows_of.setdefault(key, []).append(row)
    if rows_of:
        # Longest first: batches of similar lengths waste no padding, and a text too large for memory fails at once.
        order = sorted(rows_of.values(), key=lambda same: (-len(texts[same[0]]), same[0]))
        with progress.step(label, total=len(order), unit="texts") as step:
            for batch in batches(order, BATCH):
                vectors = encoder.encode([texts[same[0]] for same in batch], "passage")
                if not np.isfinite(vectors).all():
                    raise ModelError(
                        f"Expected finite numbers from the encoder {encoder.name}; got a vector with NaN or infinity."
                    )
                for same, vector in zip(batch, vectors, strict=True):
                    out[same] = vector
                step.advance(len(batch))
    return np.array(keys, dtype="S32")
