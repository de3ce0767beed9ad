"""Sentences of a passage, for cutting and quoting it. Loads spaCy's rules on first use."""

from __future__ import annotations

from functools import lru_cache

from kg.language.sentences import RuleSentences

_STOPS = (".", "!", "?", "…", "\u3002", "\uff01", "\uff1f", "\uff61")
_CLOSING = "\"')]\u201d\u2019\u300d\u300f\uff09\u3011\u300b"


@lru_cache(maxsize=1)
def _splitter() -> RuleSentences:
    return RuleSentences()


@lru_cache(maxsize=1 << 10)
def sentences(text: str) -> tuple[tuple[int, int], ...]:
    """Spans of the sentences of `text`, in order."""
    return tuple(_splitter().split(text))


def whole_sentences(text: str, most: int) -> str:
    """A text that a limit of `most` characters may have cut, up to its last whole sentence, or with "…" where it ends.

    Example:
        >>> whole_sentences("Bees dance. They", 16), whole_sentences("Bees that dance", 15)
        ('Bees dance.', 'Bees that dance…')
    """
    whole = text.strip()
    if len(text) < most or not whole or whole.rstrip(_CLOSING).endswith(_STOPS):
        return whole
    *earlier, _ = sentences(whole)
    return whole[: earlier[-1][1]] if earlier else f"{whole}…"
