"""Texts to unit vectors, with a sentence-transformers bi-encoder from a local folder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from models.config import EncoderModel
from models.digest import digest
from models.errors import ModelError
from models.protocols import Vectors
from models.quiet import quiet_transformers
from models.weights import Weights


class SentenceEncoder:
    """`Encoder` over a sentence-transformers folder."""

    def __init__(self, name: str, config: EncoderModel, weights: Weights) -> None:
        """Load the encoder.

        Args:
            name: Name for tables and records.
            config: Batch size, prefixes, device.
            weights: A resolved folder.
        Raises:
            ModelError: The weights are a GGUF file, or not an encoder's.
        """
        from sentence_transformers import SentenceTransformer

        if weights.folder is None:
            raise ModelError(f"{weights.name} is a GGUF file; an encoder needs a sentence-transformers folder.")
        quiet_transformers()
        try:
            model = SentenceTransformer(str(weights.folder), device=_device(config.device), local_files_only=True)
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise ModelError(f"{weights.name} cannot be loaded as a sentence encoder: {error}") from error
        self.name = name
        self._model = model
        self._config = config
        self._dimension = int(model.get_embedding_dimension())
        self._digest = digest(
            "encoder-1", weights.digest, config.query_prefix, config.passage_prefix, model.max_seq_length
        )

    @property
    def digest(self) -> str:
        """Names weights, prefixes and the length at which texts are cut."""
        return self._digest

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self._dimension

    def count_tokens(self, text: str) -> int:
        """Number of tokens of `text` without special tokens."""
        return len(self._model.tokenizer(text, add_special_tokens=False, truncation=False, verbose=False)["input_ids"])

    def encode(self, texts: Sequence[str], kind: Literal["query", "passage"] = "passage") -> Vectors:
        """Encode texts.

        Args:
            texts: Any number; what exceeds the encoder's length is cut off by it.
            kind: Chooses the prefix.
        Returns:
            Array (n, dimension), float32, rows of L2 norm 1.
        """
        if not texts:
            return np.zeros((0, self._dimension), dtype=np.float32)
        prefix = self._config.query_prefix if kind == "query" else self._config.passage_prefix
        vectors = self._model.encode(
            [prefix + text for text in texts],
            batch_size=self._config.batch_size,
            show_progress_bar=False,
            convert_to_numpy=True,
            normalize_embeddings=True,
        )
        return np.ascontiguousarray(vectors, dtype=np.float32)


def _device(device: str) -> str | None:
    """sentence-transformers' word for a device: None lets it choose."""
    return None if device == "auto" else device
