"""Statements between two names that no clause joins: the words on the path between them in the sentence's parse.

Clauses (`kg.extraction.clauses`) give what a verb or a noun states of its own phrases. Names are often joined over more
of the tree: in "The Ferrymen hangs in the main hall of the Lund Gallery" the clause states a hall, and the path from
one name to the other has `hangs in hall of`. A path over "and" joins nothing, since it only lists its ends.

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

MAX_STEPS = 6
"""Maximum length of a path, in edges of the tree: longer ones join related names too, but their words state no
relation."""
MAX_WORDS = 6
"""Maximum number of words of a relation."""
MAX_NAMES = 30
"""Maximum number of names of a sentence: one with more is a list or a table, whose many pairs state nothing."""
_SUBJECTS = frozenset(("nsubj", "nsubjpass", "agent"))
_APART = frozenset(("conj", "parataxis", "dep", "ccomp", "pcomp"))
"""Edges over which nothing is joined: lists, and clauses that are only said or thought."""
_BESIDE_A_VERB = frozenset(("prt", "auxpass"))
_MODIFIERS = frozenset(("amod", "compound"))


def links(doc: Doc, names: Sequence[Range], joined: Collection[frozenset[Range]]) -> Iterator[Statement]:
    """Statements between names that none joins yet, in the order of the sentence.

    Args:
        doc: A parsed sentence.
        names: Tokens of its names, disjoint, in order.
        joined: Pairs of names to leave out.
    """
    if len(names) > MAX_NAMES:
        return
    for one, other in combinations(names, 2):
        path = None if frozenset((one, other)) in joined else _dependency_path(doc, one, other)
        if path is not None:
            # The subject comes first, also where the sentence names it last ("In Lund the mill is owned by Ada").
            ends = (other, one) if _is_subject_side(path.down) and not _is_subject_side(path.up) else (one, other)
            between = [token for token in path.tokens if not _inside(token, one) and not _inside(token, other)]
            words = _words(between)
            if 1 <= len(words) <= MAX_WORDS:
                yield Statement(ends[0], " ".join(words), ends[1], path.top.i)


@dataclass(frozen=True, slots=True)
class _DependencyPath:
    """The path from one name up to the token above both, and down to the other name.

    Attributes:
        up: Tokens from the first name upwards, its head included, `top` not.
        top: Lowest token above both names.
        down: Tokens from the second name upwards, its head included, `top` not.
    """

    up: tuple[Token, ...]
    top: Token
    down: tuple[Token, ...]

    @property
    def tokens(self) -> tuple[Token, ...]:
        return (*self.up, self.top, *self.down)


def _dependency_path(doc: Doc, one: Range, other: Range) -> _DependencyPath | None:
    """The path between two names, or None where it is too long or states nothing of the two."""
    first, second = doc[one[1] - 1], doc[other[1] - 1]
    up, down = [first, *first.ancestors], [second, *second.ancestors]
    steps_down = {token.i: steps for steps, token in enumerate(down)}
    steps_up = next((steps for steps, token in enumerate(up) if token.i in steps_down), None)
    if steps_up is None:
        return None
    top = up[steps_up]
    path = _DependencyPath(tuple(up[:steps_up]), top, tuple(down[: steps_down[top.i]]))
    # Edges inside a name are no steps between the two.
    sides = ((one, path.up), (other, path.down))
    steps = [token for name, side in sides for token in side if not _inside(token.head, name)]
    if len(steps) > MAX_STEPS or any(token.dep_ in _APART for token in steps) or _misleads(path):
        return None
    return path


def _misleads(path: _DependencyPath) -> bool:
    """Whether the words on a path would state something false.

    So they do where something on it is denied, a clause on it has another subject ("because Tom moved to Lund"), or the
    first name only describes who does what its verb says ("a Norse chemist studied").
    """
    if any(is_denied(token) or _has_own_subject(token) for token in path.tokens):
        return True
    # The head of the phrase does it, and the path does not go through that head.
    has_verb = any(token.pos_ in ("VERB", "AUX") for token in path.tokens)
    return has_verb and bool(path.up) and path.up[0].dep_ in _MODIFIERS


def _has_own_subject(token: Token) -> bool:
    return token.dep_ == "advcl" and any(child.dep_ in _SUBJECTS for child in token.children)


def _inside(token: Token, name: Range) -> bool:
    return token.i in range(*name)


def _is_subject_side(side: Sequence[Token]) -> bool:
    """Whether the name at the end of one side of a path is the subject of the token at its top."""
    return any(token.dep_ in _SUBJECTS for token in side[-1:])


def _words(tokens: Sequence[Token]) -> list[str]:
    """The words of a path in the order of the sentence, verbs with their particles and passive auxiliaries."""
    by_index = {token.i: token for token in tokens if token.pos_ not in ("PUNCT", "SPACE", "DET", "PRON")}
    for token in tokens:
        if token.pos_ in ("VERB", "AUX"):
            by_index |= {child.i: child for child in token.children if child.dep_ in _BESIDE_A_VERB}
    return [by_index[index].lower_ for index in sorted(by_index)]
