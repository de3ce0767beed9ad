"""Encoders that state a window, for tests of what is read of a passage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from models.protocols import TextReading
from tests.kg.scripted import LetterEncoder


class PieceEncoder(LetterEncoder):
    """Reads texts in pieces of three characters of a word, of which it reads a set number; "�" is in no piece."""

    languages: tuple[str, ...] = ()

    def __init__(self, max_tokens: int = 24, languages: tuple[str, ...] = (), prefix: str = "") -> None:
        super().__init__()
        self.max_tokens = max_tokens
        self.languages = languages
        self.digest = f"pieces-{max_tokens}"
        self._prefix = prefix

    def token_counts(self, texts: Sequence[str], kind: Literal["query", "passage"] = "passage") -> list[int]:
        return [self.pieces(self._prefix + text) for text in texts]

    def pieces(self, text: str) -> int:
        return sum(-(-len(word) // 3) for word in text.split())

    def readings(self, texts: Sequence[str]) -> list[TextReading]:
        counts = self.token_counts(texts)
        return [
            TextReading(count, min(1.0, self.max_tokens / max(count, 1)) * (1 - text.count("�") / max(len(text), 1)))
            for count, text in zip(counts, texts, strict=True)
        ]


class JoiningEncoder(PieceEncoder):
    """Its pieces do not add up: three words in a row cost one piece more than they do apart."""

    def pieces(self, text: str) -> int:
        return super().pieces(text) + len(text.split()) // 3
