"""Sentences of a passage, for cutting and quoting it. Loads spaCy's sentence rules on first use."""

from __future__ import annotations

from functools import lru_cache

from kg.language.sentences import RuleSentences

_STOPS = (".", "!", "?", "…", "\u3002", "\uff01", "\uff1f", "\uff61", *"।॥؟۔။።։")
_CLOSING = "\"')]\u201d\u2019\u300d\u300f\uff09\u3011\u300b"


@lru_cache(maxsize=1)
def _splitter() -> RuleSentences:
    return RuleSentences()


@lru_cache(maxsize=1 << 10)
def sentences(text: str) -> tuple[tuple[int, int], ...]:
    """Spans of the sentences of `text`, in order: first character, and the one behind the last."""
    return tuple(_splitter().split(text))


def whole_sentences(text: str, max_characters: int) -> str:
    """A text that a limit of characters may have cut: up to its last whole sentence, or with "…" if there is none.

    A chat model that is stopped at a limit ends in the middle of a sentence; a shorter text ended by itself.

    Example:
        >>> whole_sentences("Bees dance. They", 16), whole_sentences("Bees that dance", 15)
        ('Bees dance.', 'Bees that dance…')
    """
    stripped = text.strip()
    if len(text) < max_characters or not stripped or stripped.rstrip(_CLOSING).endswith(_STOPS):
        return stripped
    # The last sentence is the one that was cut: its text has no full stop.
    *complete, _ = sentences(stripped)
    return stripped[: complete[-1][1]] if complete else f"{stripped}…"
