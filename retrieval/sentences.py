"""Sentences of a passage, for cutting and quoting it. Loads spaCy's rules on first use."""

from __future__ import annotations

from functools import lru_cache

from kg.sentences import RuleSentences


@lru_cache(maxsize=1)
def _splitter() -> RuleSentences:
    return RuleSentences()


@lru_cache(maxsize=1 << 10)
def sentences(text: str) -> tuple[tuple[int, int], ...]:
    """Spans of the sentences of `text`, in order."""
    return tuple(_splitter().split(text))
