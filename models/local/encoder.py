"""Texts to unit vectors, with a sentence-transformers bi-encoder from a local folder."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from models.config import EncoderModel
from models.errors import ConfigError, ModelError
from models.files.digest import digest
from models.local.causal import adapter_digest, adapter_manifest, attach_adapter
from models.local.mean import centred, read_mean
from models.protocols import TextReading, Vectors
from models.runtime.batches import batches
from models.runtime.quiet import quiet_transformers
from models.weights.resolve import Weights

LOGGER = logging.getLogger("graft")
_NO_LIMIT = 10**9
"""A length of texts that no encoder has, in tokens."""

_COUNTED = 1024
"""Number of texts that are tokenised at once: their tokens take more memory than the texts."""


class SentenceEncoder:
    """`Encoder` over a sentence-transformers folder."""

    def __init__(
        self,
        name: str,
        config: EncoderModel,
        weights: Weights,
        adapter: Path | None = None,
        hops: Path | None = None,
        mean: Path | None = None,
    ) -> None:
        """Load the encoder.

        Args:
            name: Name for tables and records.
            config: Batch size, prefixes, device.
            weights: A resolved folder.
            adapter: Folder of a PEFT adapter that is merged into the weights.
            hops: Folder of the adapter that `for_hops` takes by default.
            mean: File of the mean that is subtracted from the vectors (see `models.local.mean`); None subtracts none.
        Raises:
            ModelError: The weights are a GGUF file, or not an encoder's, or the adapter does not fit them.
            ConfigError: The folder holds no adapter, or one that was trained on other weights, or the file no mean.
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
        self._mean_path = mean
        self._warned = adapter is not None  # an adapter for hops was trained on texts that are cut
        self._dimension = int(model.get_embedding_dimension())
        merged = [] if adapter is None else [_merge(model, adapter, weights)]
        longest = model.max_seq_length
        # Static embeddings have no limit; a tokeniser that knows none says 10 to the power of 30.
        self._longest = None if longest is None or longest >= _NO_LIMIT else int(longest)
        parts = ["encoder-1", weights.digest, config.query_prefix, config.passage_prefix, self._longest]
        self._mean = None if mean is None else read_mean(mean, self._dimension)
        means = [] if self._mean is None else [self._mean.tobytes().hex()]
        self._digest = digest(*parts, *merged, *means)

    @property
    def digest(self) -> str:
        """Names weights, prefixes and the length at which texts are cut."""
        return self._digest

    @property
    def dimension(self) -> int:
        """Number of components of a vector."""
        return self._dimension

    @property
    def max_tokens(self) -> int | None:
        """See `models.protocols.WindowedEncoder`."""
        if self._longest is None:
            return None
        return self._longest - int(self._model.tokenizer.num_special_tokens_to_add(pair=False))

    @property
    def languages(self) -> tuple[str, ...]:
        """See `models.protocols.WindowedEncoder`."""
        return self._config.languages

    def count_tokens(self, text: str) -> int:
        """Number of tokens of `text` without special tokens and prefix."""
        return self._counts([text])[0]

    def token_counts(self, texts: Sequence[str], kind: Literal["query", "passage"] = "passage") -> list[int]:
        """See `models.protocols.WindowedEncoder`."""
        prefix = self._prefix(kind)
        return self._counts([prefix + text for text in texts])

    def readings(self, texts: Sequence[str]) -> list[TextReading]:
        """See `models.protocols.WindowedEncoder`; by tokens where the tokeniser does not say where they stand."""
        longest = self.max_tokens
        if longest is None:
            return [TextReading(0, 1.0)] * len(texts)
        tokenizer, prefix = self._model.tokenizer, self._prefix("passage")
        if not tokenizer.is_fast:
            counts = self.token_counts(texts)
            return [TextReading(count, min(1.0, longest / count) if count else 1.0) for count in counts]
        readings = []
        for batch in batches(texts, _COUNTED):
            whole = [prefix + text for text in batch]
            encodings = self._tokens(whole).encodings
            readings += [
                TextReading(len(encoding), _read_share(text, len(prefix), encoding, longest, tokenizer.unk_token_id))
                for text, encoding in zip(whole, encodings, strict=True)
            ]
        return readings

    def _counts(self, texts: Sequence[str]) -> list[int]:
        if self.max_tokens is None:  # static embeddings have a tokeniser of another kind
            return [0] * len(texts)
        return [len(ids) for batch in batches(texts, _COUNTED) for ids in self._tokens(list(batch))["input_ids"]]

    def _tokens(self, texts: list[str]) -> Any:
        return self._model.tokenizer(texts, add_special_tokens=False, truncation=False, verbose=False)

    def _warn_of_cut(self, texts: Sequence[str], kind: str) -> None:
        """Say once that a text is longer than what is read of it."""
        longest = self.max_tokens
        if longest is None or self._warned:
            return
        # A token has at least one byte, so that names and questions need not be counted.
        counts = self._counts([text for text in texts if len(text.encode("utf-8", "replace")) > longest])
        if max(counts, default=0) > longest:
            self._warned = True
            LOGGER.warning(
                "%s reads %d tokens of a text, and was given a %s of %d: what is beyond is not in its vector.",
                self.name, longest, kind, max(counts),
            )  # fmt: skip

    def _prefix(self, kind: Literal["query", "passage"]) -> str:
        return self._config.query_prefix if kind == "query" else self._config.passage_prefix

    def for_hops(self, adapter: Path | None = None) -> SentenceEncoder | None:
        """See `models.protocols.HopEncoder`: the same weights, loaded once more, with an adapter merged into them."""
        folder = adapter or self._hops
        if folder is None:
            return None
        return SentenceEncoder(f"{self.name}+{folder.name}", self._config, self._weights, folder, mean=self._mean_path)

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
        import torch
        from torch.nn.functional import normalize

        prefixed = [self._config.query_prefix + text for text in texts]
        tokens = self._model.tokenizer(
            prefixed, padding=True, truncation=True, max_length=max_tokens, return_tensors="pt"
        ).to(self._model.device)
        vectors = self._model(dict(tokens))["sentence_embedding"]  # (n, dimension)
        if self._mean is not None:
            vectors = normalize(vectors, dim=1) - torch.from_numpy(self._mean).to(vectors)
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
        prefix = self._prefix(kind)
        whole = [prefix + text for text in texts]
        self._warn_of_cut(whole, kind)
        vectors = self._model.encode(
            whole,
            batch_size=self._config.batch_size,
            show_progress_bar=False,
            convert_to_numpy=True,
            normalize_embeddings=True,
        )
        # Products with an index need float32 rows in one piece, whatever the model computed in.
        rows = np.ascontiguousarray(vectors, dtype=np.float32)
        return rows if self._mean is None else centred(rows, self._mean)


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


def _read_share(text: str, start: int, encoding: Any, longest: int, unknown: int | None) -> float:
    """Share of the characters from `start` on that lie in tokens which are read and known."""
    ids = encoding.ids
    if len(ids) <= longest and unknown not in ids:
        return 1.0
    lost = sum(
        _letters(text, max(start, begin), end)
        for position, (token, (begin, end)) in enumerate(zip(ids, encoding.offsets, strict=True))
        if position >= longest or token == unknown
    )
    total = _letters(text, start, len(text))
    return max(0.0, 1 - lost / total) if total else 1.0


def _letters(text: str, start: int, end: int) -> int:
    """Number of characters of a span that are not white space."""
    return sum(not character.isspace() for character in text[start:end])


def _device(device: str) -> str | None:
    """sentence-transformers' word for a device: None lets it choose."""
    return None if device == "auto" else device
