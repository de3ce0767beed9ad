"""Turns tokens back into text as a person would have typed it: published sets ship tokens, extractors need text.

Penn Treebank's conventions are undone: punctuation, brackets, quotes, clitics ("'s", "n't") and hyphens lose the spaces
around them. Names are compared without spaces and punctuation (see `eval.extraction.gold_triples.name_key`), so a space
too many or too few never costs a match.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_NO_SPACE_BEFORE = re.compile(r"^(?:[,.;:!?%)\]}”’…]+|['’](?:s|d|m|ll|re|ve)|n['’]t)$", re.IGNORECASE)
_NO_SPACE_AFTER = re.compile(r"^[(\[{“‘$£€#]+$")
_JOINS = {"-", "/"}
_DASHES = {"–", "—"}
_OPENS = "("


def detokenise(tokens: Sequence[str]) -> str:
    """Write one sentence's tokens as text.

    Example:
        >>> detokenise('The " Petrel \\'s Ledger " ( 1998 – 2002 ) was n\\'t co - written .'.split())
        'The "Petrel\\'s Ledger" (1998–2002) wasn\\'t co-written.'
    """
    text, glue, in_quotes = "", True, False
    stripped = [token.strip() for token in tokens]
    tokens = [token for token in stripped if token]
    for position, token in enumerate(tokens):
        if token == '"':
            # The straight quote opens and closes alike; which one it is follows from those before it.
            text += token if in_quotes or glue else f" {token}"
            in_quotes, glue = not in_quotes, not in_quotes
            continue
        before = tokens[position - 1] if position else ""
        after = tokens[position + 1] if position + 1 < len(tokens) else ""
        # A dash joins numbers ("1998–2002"); between words it keeps its spaces.
        joins = token in _JOINS or (token in _DASHES and before[-1:].isdigit() and after[:1].isdigit())
        close = joins or bool(_NO_SPACE_BEFORE.match(token)) or _is_plural_possessive(token, before)
        text += token if glue or close else f" {token}"
        glue = joins or bool(_NO_SPACE_AFTER.match(token)) or token.endswith(_OPENS)
    return text


def _is_plural_possessive(token: str, before: str) -> bool:
    return token in ("'", "’") and before[-1:] == "s"
