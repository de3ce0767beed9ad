"""What a store may be able to do beside keeping rows: answer queries in Cypher, and search by its own indexes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from kg.stores.protocol import GraphStore
from models.protocols import Vectors


@dataclass(frozen=True, slots=True)
class Answer:
    """What a query returned.

    Attributes:
        columns: Names.
        rows: Values by column: text, numbers, lists, mappings; nodes and relationships as mappings.
        cut: Whether there were more rows than asked for.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    cut: bool


@dataclass(frozen=True, slots=True)
class Pattern:
    """Facts that have the types of their ends and the predicate in common: "person", "leads", "company"."""

    subject: str
    predicate: str
    object: str
    facts: int


@runtime_checkable
class QueryableStore(GraphStore, Protocol):
    """A store that people and models may ask in Cypher, of the form that `kg.stores.neo4j.rows` describes."""

    def query(self, text: str, limit: int, timeout_s: float) -> Answer:
        """Run one query over this workspace alone.

        Args:
            text: Cypher that reads; it need not name the workspace.
            limit: Most rows.
            timeout_s: Most seconds.
        Raises:
            InputError: The query does more than read, could look elsewhere, is no Cypher, or takes too long.
        """

    def patterns(self, limit: int) -> list[Pattern]:
        """The patterns with most facts, most first."""


@runtime_checkable
class SearchingStore(GraphStore, Protocol):
    """A store with indexes of vectors and of words over its rows."""

    def keep_vectors(
        self, kind: type[Any], encoder: str, content: str, ids: Sequence[str], keys: Sequence[str], vectors: Vectors
    ) -> None:
        """Keep vectors of rows beside them; those that are there already are not written again.

        Args:
            kind: Of the rows, `Chunk` or `Entity`.
            encoder: Digest of what made the vectors.
            content: Digest of the store they were made of: where it is that of the last time, nothing is done.
            ids: Of the rows, sorted.
            keys: Of the texts behind the vectors: where it differs, a vector is written anew.
            vectors: Array (len(ids), dimension), float32, rows of norm 1.
        """

    def nearest(self, kind: type[Any], encoder: str, vector: Vectors, limit: int) -> list[tuple[str, float]]:
        """Ids of the rows nearest to a unit vector, as far as an approximate index finds them, with their cosines.

        Raises:
            StoreError: No vector of that kind and encoder was ever kept.
        """

    def matching(self, kind: type[Any], words: Sequence[str], limit: int) -> list[tuple[str, float]]:
        """Ids of the rows whose text (a chunk) or names (an entity) hold most of some words, with scores > 0."""
