"""What joins two names of a sentence that no clause joins: the words on the way between them in its parse.

Clauses (`kg.extraction.clauses`) tell what a verb or a noun states of its own phrases. Names are often joined over more
of the tree: of "The Ferrymen hangs in the main hall of the Lund Gallery" they tell of a hall, and the way from one name
to the other says `hangs in hall of`. A way over "and" joins nothing, since it only lists its ends.

Source: shortest dependency paths as relations, Bunescu and Mooney, HLT/EMNLP 2005.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from kg.extraction.clauses import Range, Statement, is_denied

if TYPE_CHECKING:
    from spacy.tokens import Doc, Token

MOST_STEPS = 6
"""Longest way, in edges of the tree: longer ones still join names that gold joins, but say no relation in words."""
MOST_WORDS = 6
MOST_NAMES = 30
"""A sentence of more names is a list or a table, whose pairs would be many and say nothing."""
_SUBJECTS = frozenset(("nsubj", "nsubjpass", "agent"))
_APART = frozenset(("conj", "parataxis", "dep", "ccomp", "pcomp"))
"""Edges over which nothing is joined: lists, and what is only said or thought."""
_BESIDE_A_VERB = frozenset(("prt", "auxpass"))
_MODIFIERS = frozenset(("amod", "compound"))


def links(doc: Doc, names: Sequence[Range], joined: Collection[frozenset[Range]]) -> Iterator[Statement]:
    """Statements between names that none joins yet, in the order of the sentence.

    Args:
        doc: A parsed sentence.
        names: Tokens of its names, disjoint, in order.
        joined: Pairs of names to leave out.
    """
    for one, other in combinations(names if len(names) <= MOST_NAMES else (), 2):
        way = None if frozenset((one, other)) in joined else _way(doc, one, other)
        if way is not None:
            ends = (other, one) if _leads(way.down) and not _leads(way.up) else (one, other)
            words = _words([each for each in way.tokens if not _inside(each, one) and not _inside(each, other)])
            if 1 <= len(words) <= MOST_WORDS:
                yield Statement(ends[0], " ".join(words), ends[1], way.top.i)


@dataclass(frozen=True, slots=True)
class _Way:
    """From one name up to the token above both, and down to the other; the ends belong to it, `top` to neither side."""

    up: tuple[Token, ...]
    top: Token
    down: tuple[Token, ...]

    @property
    def tokens(self) -> tuple[Token, ...]:
        return (*self.up, self.top, *self.down)


def _way(doc: Doc, one: Range, other: Range) -> _Way | None:
    """The way between two names, or None where it is too long or says nothing of the two."""
    first, second = doc[one[1] - 1], doc[other[1] - 1]
    up, down = [first, *first.ancestors], [second, *second.ancestors]
    above = {token.i: place for place, token in enumerate(down)}
    place = next((place for place, token in enumerate(up) if token.i in above), None)
    if place is None:
        return None
    way = _Way(tuple(up[:place]), up[place], tuple(down[: above[up[place].i]]))
    steps = [
        token for name, side in ((one, way.up), (other, way.down)) for token in side if not _inside(token.head, name)
    ]
    return None if len(steps) > MOST_STEPS or any(token.dep_ in _APART for token in steps) or _misleads(way) else way


def _misleads(way: _Way) -> bool:
    """Whether something on the way is denied, a clause on it has another subject ("because Tom moved to Lund"), or its
    verb is done by what the first name describes ("a Norse chemist studied")."""
    if any(is_denied(token) for token in way.tokens):
        return True
    if any(token.dep_ == "advcl" and any(c.dep_ in _SUBJECTS for c in token.children) for token in way.tokens):
        return True
    has_verb = any(token.pos_ in ("VERB", "AUX") for token in way.tokens)
    return has_verb and bool(way.up) and way.up[0].dep_ in _MODIFIERS


def _inside(token: Token, name: Range) -> bool:
    return token.i in range(*name)


def _leads(way: Sequence[Token]) -> bool:
    """Whether an end is who does what the way tells."""
    return any(token.dep_ in _SUBJECTS for token in way[-1:])


def _words(tokens: Sequence[Token]) -> list[str]:
    """The words of a way in the order of the sentence, verbs with what belongs to them."""
    kept = {token.i: token for token in tokens if token.pos_ not in ("PUNCT", "SPACE", "DET", "PRON")}
    for token in tokens:
        if token.pos_ in ("VERB", "AUX"):
            kept |= {child.i: child for child in token.children if child.dep_ in _BESIDE_A_VERB}
    return [kept[place].lower_ for place in sorted(kept)]
