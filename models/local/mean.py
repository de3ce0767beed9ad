"""The mean of an encoder's vectors, which is subtracted from them where the encoder's configuration names it.

Some encoders put all texts into a narrow cone: with multilingual-e5-small two unrelated names have a cosine similarity
of .83, and thresholds that mean "nearly the same" elsewhere mean nothing. Around the mean of its vectors, cosines of E5
are those of other encoders: unrelated names are below .4, spellings of one name above .8. Rankings hardly change.

    python -m models.local.mean e5-small configs/models/e5-small.mean.safetensors

measures the mean on the example sentences of spaCy's languages, as queries and as passages.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.errors import ConfigError
from models.protocols import Encoder, Vectors

_NAME = "mean"
_FROM_ONE_LANGUAGE = 8
"""Maximum number of sentences of a language."""
_SHORTEST = 1e-6


def read_mean(path: Path, dimension: int) -> NDArray[np.float32]:
    """The mean in a file.

    Args:
        path: A safetensors file with the tensor "mean".
        dimension: Number of components that it must have.
    Returns:
        Array (dimension,), float32.
    Raises:
        ConfigError: The file cannot be read, or holds something else.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        tensors = load_file(path)
    except (OSError, SafetensorError) as error:
        raise ConfigError(
            f"Expected the mean of an encoder's vectors in {path}, but it cannot be read: {error}."
        ) from error
    mean = tensors.get(_NAME)
    if mean is None or mean.shape != (dimension,):
        came = f"one of shape {mean.shape}" if mean is not None else f"only {', '.join(sorted(tensors)) or 'nothing'}"
        raise ConfigError(
            f"Expected a tensor {_NAME!r} of shape ({dimension},) in {path}, got {came}. Measure it again."
        )
    return np.ascontiguousarray(mean, dtype=np.float32)


def centred(vectors: Vectors, mean: NDArray[np.float32]) -> Vectors:
    """Unit vectors around a mean.

    Args:
        vectors: Array (n, dimension), float32.
        mean: Array (dimension,), float32.
    Returns:
        Array (n, dimension), float32, rows of norm 1.
    """
    moved = vectors - mean
    scaled: Vectors = moved / np.maximum(np.linalg.norm(moved, axis=1, keepdims=True), _SHORTEST)
    return np.ascontiguousarray(scaled, dtype=np.float32)


def measure_mean(encoder: Encoder) -> NDArray[np.float32]:
    """The mean of an encoder's vectors of sentences in many languages, half of them as queries.

    Returns:
        Array (dimension,), float32.
    """
    sentences = _sentences()
    vectors = np.concatenate([encoder.encode(sentences, "query"), encoder.encode(sentences, "passage")])
    mean: NDArray[np.float32] = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    return mean


def _sentences() -> list[str]:
    import spacy.lang

    sentences = []
    for module in sorted(pkgutil.iter_modules(spacy.lang.__path__), key=lambda found: found.name):
        try:
            examples = importlib.import_module(f"spacy.lang.{module.name}.examples")
        except ImportError:  # a language without examples, or one that needs a library of its own
            continue
        sentences += examples.sentences[:_FROM_ONE_LANGUAGE]
    return sentences


def main(name: str, path: str) -> None:
    """Measure the mean of an encoder without one, and write it."""
    from safetensors.numpy import save_file

    from models.config import EncoderModel, load_model
    from models.local.encoder import SentenceEncoder
    from models.weights.resolve import resolve

    config = load_model(name)
    if not isinstance(config, EncoderModel):
        raise ConfigError(f"Expected an encoder, but {name} is a model of the backend {config.backend}.")
    save_file({_NAME: measure_mean(SentenceEncoder(name, config, resolve(config.weights)))}, path)


if __name__ == "__main__":
    main(*sys.argv[1:])
