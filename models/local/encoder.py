"""Texts to unit vectors, with a sentence-transformers bi-encoder from a local folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from models.config import EncoderModel
from models.errors import ConfigError, ModelError
from models.files.digest import digest
from models.local.causal import adapter_digest, adapter_manifest, attach_adapter
from models.protocols import Vectors
from models.runtime.quiet import quiet_transformers
from models.weights.resolve import Weights


class SentenceEncoder:
    """`Encoder` over a sentence-transformers folder."""

    def __init__(
        self,
        name: str,
        config: EncoderModel,
        weights: Weights,
        adapter: Path | None = None,
        hops: Path | None = None,
    ) -> None:
        """Load the encoder.

        Args:
            name: Name for tables and records.
            config: Batch size, prefixes, device.
            weights: A resolved folder.
            adapter: Folder of a PEFT adapter that is merged into the weights.
            hops: Folder of the adapter that `for_hops` takes where it is given none.
        Raises:
            ModelError: The weights are a GGUF file, or not an encoder's, or the adapter does not fit them.
            ConfigError: The adapter is none, or was trained on other weights.
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
        self._weights = weights
        self._hops = hops
        self._dimension = int(model.get_embedding_dimension())
        merged = [] if adapter is None else [_merge(model, adapter, weights)]
        parts = ["encoder-1", weights.digest, config.query_prefix, config.passage_prefix, model.max_seq_length]
        self._digest = digest(*parts, *merged)

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

    def for_hops(self, adapter: Path | None = None) -> SentenceEncoder | None:
        """As `models.protocols.HopEncoder`: the same weights, loaded once more, with an adapter merged into them."""
        folder = adapter or self._hops
        if folder is None:
            return None
        return SentenceEncoder(f"{self.name}+{folder.name}", self._config, self._weights, folder)

    @property
    def body(self) -> Any:
        """The transformer beneath, for training; what is fitted to it is used by this encoder."""
        return self._model[0].model

    def with_gradients(self, texts: Sequence[str], max_tokens: int) -> tuple[Any, int]:
        """Encode queries for training.

        Args:
            texts: At least one.
            max_tokens: Where each is cut.
        Returns:
            Tensor (n, dimension), rows of L2 norm 1, that remembers how it was made; and the tokens read.
        """
        from torch.nn.functional import normalize

        prefixed = [self._config.query_prefix + text for text in texts]
        read = self._model.tokenizer(
            prefixed, padding=True, truncation=True, max_length=max_tokens, return_tensors="pt"
        ).to(self._model.device)
        vectors = self._model(dict(read))["sentence_embedding"]  # (n, dimension)
        return normalize(vectors, dim=1), int(read["attention_mask"].sum())

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


def _merge(model: Any, folder: Path, weights: Weights) -> str:
    """Merge an adapter into an encoder's body, and cut texts where it saw them cut; its digest."""
    name, manifest = adapter_digest(folder), adapter_manifest(folder)
    base = manifest.get("base_digest", weights.digest)
    if base != weights.digest:
        raise ConfigError(
            f"The adapter {folder} was trained on other weights ({base[:8]}) than those of {weights.name} "
            f"({weights.digest[:8]}): train one for this encoder with graft train hops."
        )
    model[0].model = attach_adapter(model[0].model, folder).merge_and_unload()
    longest = manifest.get("config", {}).get("max_tokens", model.max_seq_length)
    model.max_seq_length = min(int(longest), int(model.max_seq_length))
    return name


def _device(device: str) -> str | None:
    """sentence-transformers' word for a device: None lets it choose."""
    return None if device == "auto" else device
