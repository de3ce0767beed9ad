"""Which pairs of names are compared: a small share of all pairs, found by shared keys and never by trying them all.

Two names are a pair if they share a word that few names have, all their letters, all but one letter, initials, or a
singular. For a judge there are also the pairs whose embeddings are nearest to each other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

from kg.resolution.names import initials_of, singular, squash
from kg.resolution.uses import NameNode
from models.protocols import Encoder

LARGEST_BLOCK = 50
"""A key that more names share is no sign that two of them are one; it also bounds the pairs of a key to 1,225."""
_NEAREST = 5
"""Number of nearest names that each name is paired with."""
_ROWS = 1024
"""Rows of the matrix of cosines that are held at once."""

Pair = tuple[NameNode, NameNode]
Cores = Mapping[NameNode, tuple[str, ...]]
"""The words of each name without titles or legal forms (see `kg.resolution.names.core`)."""


def pairs_by_keys(nodes: Iterable[NameNode], cores: Cores) -> list[Pair]:
    """Pairs that share a key, each once, sorted.

    Example:
        >>> nodes = [NameNode("new mill", "thing"), NameNode("old mill", "thing"), NameNode("mills", "")]
        >>> [(one.name, other.name) for one, other in pairs_by_keys(nodes, {n: tuple(n.name.split()) for n in nodes})]
        [('new mill', 'old mill')]
    """
    blocks: dict[str, list[NameNode]] = defaultdict(list)
    for node in sorted(nodes):
        for key in _keys(node, cores[node]):
            blocks[key].append(node)
    # Pairs grow with the square of a block, so a word that half of all names have would cost as much as trying all.
    pairs: set[Pair] = set()
    for block in blocks.values():
        if 2 <= len(block) <= LARGEST_BLOCK:
            pairs.update(combinations(block, 2))
    return sorted(pairs)


def _keys(node: NameNode, words: tuple[str, ...]) -> set[str]:
    """The keys of a name, each with a prefix of its own so that keys of two sorts never meet.

    "=" all letters, "+" letters in the singular, "." initials, "kind " a word, "kind-" a word with one letter left out.
    Words and their misspellings count only among names of one known kind; the other keys count among all names.
    """
    # A name of no known kind has these keys alone; with those of its words it would be paired with every kind.
    letters = squash(words)
    keys = {f"={letters}", f"+{squash(singular(words))}"}
    if len(words) > 1:
        keys |= {f".{initials}" for initials in initials_of(words)}
    elif 2 <= len(letters) <= 8:
        keys.add(f".{letters}")
    if node.kind not in ("", "value"):
        keys |= {f"{node.kind} {word}" for word in words}
        if len(words) == 1 and len(letters) >= 7:
            # Two words of one length or one apart that differ in one letter share a form with that letter left out.
            keys |= {f"{node.kind}-{letters[:gap]}{letters[gap + 1 :]}" for gap in range(len(letters))}
            keys.add(f"{node.kind}-{letters}")
    return keys


def nearest_pairs(nodes: Sequence[NameNode], encoder: Encoder, min_cosine: float) -> dict[Pair, float]:
    """Pair every node with the nodes of its kind whose names' embeddings are nearest.

    Args:
        nodes: All nodes, sorted.
        encoder: Embeds all their names.
        min_cosine: Minimum cosine similarity of a pair.
    Returns:
        Cosine similarity of each pair.
    """
    import numpy as np

    by_kind: dict[str, list[NameNode]] = defaultdict(list)
    for node in nodes:
        by_kind[node.kind].append(node)
    pairs: dict[Pair, float] = {}
    for group in by_kind.values():
        count = min(_NEAREST, len(group) - 1)
        if not count:
            continue
        vectors = encoder.encode([node.name for node in group])  # (names, dimension), rows of norm 1
        for start in range(0, len(group), _ROWS):
            cosines = vectors[start : start + _ROWS] @ vectors.T
            # No name is its own neighbour.
            cosines[np.arange(len(cosines)), np.arange(start, start + len(cosines))] = -1
            nearest = np.argpartition(-cosines, count - 1, axis=1)[:, :count]
            for row, columns in enumerate(nearest.tolist()):
                for column in columns:
                    if cosines[row, column] >= min_cosine:
                        one, other = sorted((group[start + row], group[column]))
                        pairs[one, other] = float(cosines[row, column])
    return dict(sorted(pairs.items()))
