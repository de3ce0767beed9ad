"""A question and passages to relevance scores, with a sentence-transformers cross-encoder from a local folder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.config import RerankerModel
from models.errors import ModelError
from models.files.digest import digest
from models.runtime.quiet import quiet_transformers
from models.weights.resolve import Weights


class CrossEncoderReranker:
    """`Reranker` over a cross-encoder folder with one output."""

    def __init__(self, name: str, config: RerankerModel, weights: Weights) -> None:
        """Load the cross-encoder.

        Args:
            name: Name for tables and records.
            config: Batch size and device.
            weights: A resolved folder.
        Raises:
            ModelError: The weights are a GGUF file, not a classifier's, or give more than one score a pair.
        """
        from sentence_transformers import CrossEncoder

        if weights.folder is None:
            raise ModelError(
                f"Expected a cross-encoder folder for a reranker, but {weights.name} is a GGUF file. "
                "Give other weights."
            )
        quiet_transformers()
        device = None if config.device == "auto" else config.device
        try:
            model = CrossEncoder(str(weights.folder), device=device, local_files_only=True)
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise ModelError(
                f"{weights.name} cannot be loaded as a cross-encoder: {error}. Give a cross-encoder folder."
            ) from error
        if model.num_labels != 1:
            raise ModelError(
                f"Expected one relevance score a pair, but {weights.name} gives {model.num_labels} numbers a pair. "
                "Use a cross-encoder trained to rank."
            )
        self.name = name
        self._model = model
        self._batch_size = config.batch_size
        self._digest = digest("reranker-1", weights.digest)

    @property
    def digest(self) -> str:
        """Names the weights."""
        return self._digest

    def rank(self, question: str, passages: Sequence[str]) -> NDArray[np.float32]:
        """Score passages for a question.

        Args:
            question: The question.
            passages: Any number of passages.
        Returns:
            Array (n,), float32, in the order of the passages, higher is more relevant.
        """
        if not passages:
            return np.zeros(0, dtype=np.float32)
        scores = self._model.predict(
            [(question, passage) for passage in passages],
            batch_size=self._batch_size,
            show_progress_bar=False,
            convert_to_numpy=True,
        )
        return np.asarray(scores, dtype=np.float32).reshape(-1)
