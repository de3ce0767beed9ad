"""A random two-layer BERT, as an encoder's body or as a cross-encoder, with a word tokeniser of its own."""

from __future__ import annotations

from pathlib import Path

TEXT = "the a ferry bridge leaves at nine town river query passage which has . ? :"
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def save_tiny_bert(folder: Path, labels: int | None = None) -> Path:
    """Save the model and its tokeniser.

    Args:
        folder: Where to.
        labels: Outputs of a classification head on top; None for the body alone.
    """
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertModel, BertTokenizer

    folder.mkdir(parents=True)
    vocabulary = {word: number for number, word in enumerate(SPECIAL + TEXT.split())}
    BertTokenizer(vocab=vocabulary, do_lower_case=True).save_pretrained(folder)
    torch.manual_seed(11)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
        num_labels=labels or 2,
        initializer_range=0.5,
    )
    model = BertModel(config) if labels is None else BertForSequenceClassification(config)
    model.save_pretrained(folder)
    return folder
