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
            hops: Folder of the adapter that `for_hops` takes by default.
        Raises:
            ModelError: The weights are a GGUF file, or not an encoder's, or the adapter does not fit them.
            ConfigError: The folder holds no adapter, or one that was trained on other weights.
        """
        from sentence_transformers import SentenceTransformer

        if weights.folder is None:
            raise ModelError(
                f"Expected a sentence-transformers folder for an encoder, but {weights.name} is a GGUF file. "
                "Give other weights."
            )
        quiet_transformers()
        try:
            model = SentenceTransformer(str(weights.folder), device=_device(config.device), local_files_only=True)
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise ModelError(
                f"{weights.name} cannot be loaded as a sentence encoder: {error}. Give a sentence-transformers folder."
            ) from error
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
        """Number of components of a vector."""
        return self._dimension

    def count_tokens(self, text: str) -> int:
        """Number of tokens of `text` without special tokens."""
        return len(self._model.tokenizer(text, add_special_tokens=False, truncation=False, verbose=False)["input_ids"])

    def for_hops(self, adapter: Path | None = None) -> SentenceEncoder | None:
        """See `models.protocols.HopEncoder`: the same weights, loaded once more, with an adapter merged into them."""
        folder = adapter or self._hops
        if folder is None:
            return None
        return SentenceEncoder(f"{self.name}+{folder.name}", self._config, self._weights, folder)

    @property
    def body(self) -> Any:
        """The transformer inside, for training; this encoder uses what is attached to it."""
        return self._model[0].model

    def with_gradients(self, texts: Sequence[str], max_tokens: int) -> tuple[Any, int]:
        """Encode queries for training.

        Args:
            texts: Texts, at least one.
            max_tokens: Maximum length of a text, in tokens; the rest is cut off.
        Returns:
            Tensor (n, dimension), rows of L2 norm 1, with its graph of gradients; and the number of tokens read.
        """
        from torch.nn.functional import normalize

        prefixed = [self._config.query_prefix + text for text in texts]
        tokens = self._model.tokenizer(
            prefixed, padding=True, truncation=True, max_length=max_tokens, return_tensors="pt"
        ).to(self._model.device)
        vectors = self._model(dict(tokens))["sentence_embedding"]  # (n, dimension)
        return normalize(vectors, dim=1), int(tokens["attention_mask"].sum())

    def encode(self, texts: Sequence[str], kind: Literal["query", "passage"] = "passage") -> Vectors:
        """Encode texts.

        Args:
            texts: Any number of texts; the encoder cuts off what exceeds its length.
            kind: "query" or "passage", which decides the prefix.
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
        # Products with an index need float32 rows in one piece, whatever the model computed in.
        return np.ascontiguousarray(vectors, dtype=np.float32)


def _merge(model: Any, folder: Path, weights: Weights) -> str:
    """Merge an adapter into an encoder's transformer, and limit texts to the length it was trained on.

    Returns:
        The adapter's digest.
    """
    digest_of_adapter, manifest = adapter_digest(folder), adapter_manifest(folder)
    base = manifest.get("base_digest", weights.digest)
    if base != weights.digest:
        raise ConfigError(
            f"The adapter {folder} was trained on other weights ({base[:8]}) than those of {weights.name} "
            f"({weights.digest[:8]}). Train one for this encoder with graft train hops."
        )
    # Merged, so that encoding costs what it costs without an adapter.
    model[0].model = attach_adapter(model[0].model, folder).merge_and_unload()
    longest = manifest.get("config", {}).get("max_tokens", model.max_seq_length)
    # Longer texts than in training would be encoded by positions that the adapter never saw.
    model.max_seq_length = min(int(longest), int(model.max_seq_length))
    return digest_of_adapter


def _device(device: str) -> str | None:
    """sentence-transformers' word for a device: None lets it choose."""
    return None if device == "auto" else device
