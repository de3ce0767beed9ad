"""Which pairs of names are worth a look: a small share of all pairs, found by keys and never by trying them all.

Names meet if they share a word that few names have, all their letters, all but one letter, initials, or a singular.
Where a judge can make use of them, so do names whose embeddings are nearest to each other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

from kg.resolution.names import initials_of, singular, squash
from kg.resolution.uses import Node
from models.protocols import Encoder

LARGEST_BLOCK = 50
"""A word that more names share is no sign that two of them are one."""
_NEAREST = 5
_ROWS = 1024

Pair = tuple[Node, Node]
Cores = Mapping[Node, tuple[str, ...]]


def pairs_by_keys(nodes: Iterable[Node], cores: Cores) -> list[Pair]:
    """Pairs that share a key, each once, sorted.

    Example:
        >>> nodes = [Node("new mill", "thing"), Node("old mill", "thing"), Node("mills", "")]
        >>> [(one.name, other.name) for one, other in pairs_by_keys(nodes, {n: tuple(n.name.split()) for n in nodes})]
        [('new mill', 'old mill')]
    """
    blocks: dict[str, list[Node]] = defaultdict(list)
    for node in sorted(nodes):
        for key in _keys(node, cores[node]):
            blocks[key].append(node)
    pairs: set[Pair] = set()
    for block in blocks.values():
        if 2 <= len(block) <= LARGEST_BLOCK:
            pairs.update(combinations(block, 2))
    return sorted(pairs)


def _keys(node: Node, words: tuple[str, ...]) -> set[str]:
    """Words and their misspellings count among names of one known kind; the rest among all."""
    letters = squash(words)
    keys = {f"={letters}", f"+{squash(singular(words))}"}
    if len(words) > 1:
        keys |= {f".{initials}" for initials in initials_of(words)}
    elif 2 <= len(letters) <= 8:
        keys.add(f".{letters}")
    if node.kind not in ("", "value"):
        keys |= {f"{node.kind} {word}" for word in words}
        if len(words) == 1 and len(letters) >= 7:
            keys |= {f"{node.kind}-{letters[:place]}{letters[place + 1 :]}" for place in range(len(letters))}
            keys.add(f"{node.kind}-{letters}")
    return keys


def nearest_pairs(nodes: Sequence[Node], encoder: Encoder, least: float) -> dict[Pair, float]:
    """Every node with the nodes of its kind whose names' embeddings are nearest, and the cosine.

    Args:
        nodes: Sorted.
        encoder: Embeds all their names.
        least: Least cosine.
    """
    import numpy as np

    by_kind: dict[str, list[Node]] = defaultdict(list)
    for node in nodes:
        by_kind[node.kind].append(node)
    pairs: dict[Pair, float] = {}
    for group in by_kind.values():
        vectors = encoder.encode([node.name for node in group])
        for start in range(0, len(group), _ROWS):
            cosines = vectors[start : start + _ROWS] @ vectors.T
            cosines[np.arange(len(cosines)), np.arange(start, start + len(cosines))] = -1
            count = min(_NEAREST, len(group) - 1)
            for row, places in enumerate(np.argpartition(-cosines, count - 1, axis=1)[:, :count] if count else ()):
                for place in places.tolist():
                    if cosines[row, place] >= least:
                        one, other = sorted((group[start + row], group[place]))
                        pairs[one, other] = float(cosines[row, place])
    return dict(sorted(pairs.items()))
