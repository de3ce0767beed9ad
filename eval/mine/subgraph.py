"""What a graph shows of a fact: the nodes nearest to it, and two steps along the relations from there.

This is the retrieval of MINE's own evaluation, which the contexts stored with the published judgments follow exactly
(all-MiniLM-L6-v2, eight nodes, relations followed from subject to object), but for one thing: of several relations
between the same two nodes it shows only the last, here all are shown.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from eval.mine.files import RelationWords
from models.protocols import Encoder, Vectors

NODES = 8
STEPS = 2


class Subgraphs:
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
        """Positions of the relations that are shown for a fact, ascending.

        Args:
            vector: The fact, array (dimension,).
        """
        if not self._nodes:
            return []
        # MiniLM reads no case: "Board games" and "board games" are as near, whatever the last digits of a batch say.
        order = np.argsort(-np.round(self._vectors @ vector, 4), kind="stable")[:NODES]
        front, shown = {self._nodes[place] for place in order}, set[int]()
        for _ in range(STEPS):
            leaving = {number for node in front for number in self._leaving.get(node, ())}
            front = {self._relations[number][2] for number in leaving}
            shown |= leaving
        return sorted(shown)
