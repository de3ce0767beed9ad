"""A random two-layer BERT with mean pooling, as a sentence-transformers folder."""

from __future__ import annotations

from pathlib import Path

from tests.models.tiny_bert import save_tiny_bert


def save_tiny_encoder(folder: Path, longest: int = 64) -> Path:
    """Save the encoder.

    Args:
        folder: Where to; its parent is there.
        longest: Tokens at which it cuts texts.
    """
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    made = Transformer(str(save_tiny_bert(folder.with_name("bert"))), max_seq_length=longest)
    pooling = Pooling(made.get_embedding_dimension(), "mean")
    SentenceTransformer(modules=[made, pooling], device="cpu").save(str(folder))
    return folder
