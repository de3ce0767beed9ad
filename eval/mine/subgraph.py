"""Retrieves the relations of a graph near a fact: those within two steps of the nodes nearest to it.

This is the retrieval of MINE's own evaluation, which the contexts stored with the published judgments follow exactly
(all-MiniLM-L6-v2, eight nodes, relations followed from subject to object), with one exception: of several relations
between the same two nodes that one returns only the last, this one all.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from eval.mine.files import RelationWords
from models.protocols import Encoder, Vectors

NODES = 8
"""Number of nodes that the search starts from."""
STEPS = 2
"""Number of relations that it follows from there."""


class SubgraphSearch:
    """The retrieval over one graph."""

    def __init__(self, relations: Sequence[RelationWords], encoder: Encoder) -> None:
        """Embed the nodes of a graph.

        Args:
            relations: The graph.
            encoder: Embeds nodes.
        """
        self._nodes = sorted({end for subject, _, object_ in relations for end in (subject, object_)})
        self._vectors = encoder.encode(self._nodes)
        self._leaving: dict[str, list[int]] = {}
        self._relations = relations
        for number, (subject, _, _) in enumerate(relations):
            self._leaving.setdefault(subject, []).append(number)

    def near(self, vector: Vectors) -> list[int]:
        """Positions of the relations near a fact, ascending.

        Args:
            vector: The fact, array (dimension,).
        """
        if not self._nodes:
            return []
        # MiniLM ignores case: "Board games" and "board games" are equally near, but the last digits of their cosines
        # depend on the batch they were embedded in. Rounding makes them equal, and the stable sort decides.
        order = np.argsort(-np.round(self._vectors @ vector, 4), kind="stable")[:NODES]
        front, near = {self._nodes[row] for row in order}, set[int]()
        for _ in range(STEPS):
            leaving = {number for node in front for number in self._leaving.get(node, ())}
            front = {self._relations[number][2] for number in leaving}
            near |= leaving
        return sorted(near)
