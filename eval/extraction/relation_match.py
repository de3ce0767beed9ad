"""Decides whether a predicate in an extractor's words means a gold relation: softly, by embedding.

An extractor with an open schema never writes "P112". Its predicate and the gold's wording are embedded, each without
the names around it, since two names in common would make any two sentences near. DocRED's relations have a wording
in each direction ("founded by", "founded"): the nearer one decides which end is the subject. Sets that name the role
of an end ("manager", "leaderName") have no direction, so both orders are right.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from eval.extraction.gold_triples import Relation
from models.protocols import Encoder, Vectors

THRESHOLD = 0.5
"""Minimum cosine similarity (MiniLM) of two wordings of one relation.

Set without any extractor's output: of all pairs of different DocRED relations, 2.9 % reach it, so a fact with a
wrong relation seldom passes; "born in" and "date of birth" stay below it.
"""


class RelationMatch:
    """Compares predicates with gold relations; every wording is embedded once."""

    def __init__(self, encoder: Encoder, threshold: float = THRESHOLD) -> None:
        """Take an encoder.

        Args:
            encoder: Embeds wordings.
            threshold: Minimum cosine similarity, in [-1, 1].
        """
        self.threshold = threshold
        self._encoder = encoder
        self._vectors: dict[str, Vectors] = {}

    def learn(self, wordings: Iterable[str]) -> None:
        """Embed wordings, all together, before they are compared."""
        new = sorted(set(wordings) - self._vectors.keys())
        self._vectors |= zip(new, self._encoder.encode(new), strict=True)

    def says(self, predicates: Iterable[str], relation: Relation, reverse: bool = False) -> bool:
        """Whether one of the predicates means the relation in this direction.

        Args:
            predicates: Wordings of one fact.
            relation: The gold relation.
            reverse: Whether the fact's subject is the gold's object.
        """
        return any(self._says(predicate, relation, reverse) for predicate in predicates)

    def says_in_order(self, predicates: Iterable[str], relation: Relation) -> bool:
        """Whether one of the predicates is near the relation's name; the wording of its inverse is ignored."""
        return any(self._cosine(predicate, relation.name) >= self.threshold for predicate in predicates)

    def _says(self, predicate: str, relation: Relation, reverse: bool) -> bool:
        forth = self._cosine(predicate, relation.name)
        back = self._cosine(predicate, relation.inverse) if relation.inverse else forth
        # At least as near as the wording in the other direction, so that "founded" is not "founded by".
        mine, other = (back, forth) if reverse else (forth, back)
        return mine >= max(self.threshold, other)

    def _cosine(self, one: str, other: str) -> float:
        self.learn((one, other))
        return float(np.dot(self._vectors[one], self._vectors[other]))
