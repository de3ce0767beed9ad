"""What some stores can do beside keeping rows: run queries in Cypher, and search by their own indexes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from kg.stores.protocol import GraphStore
from models.protocols import Vectors


@dataclass(frozen=True, slots=True)
class QueryResult:
    """The rows that a query returned.

    Attributes:
        columns: Names of the columns.
        rows: Values by column: text, numbers, lists, mappings; nodes and relationships are mappings.
        cut: Whether there were more rows than the limit.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    cut: bool


@dataclass(frozen=True, slots=True)
class FactPattern:
    """Facts that have the types of their ends and the predicate in common: "person", "leads", "company".

    Attributes:
        subject: Type of the subject.
        predicate: The predicate.
        object: Type of the object.
        facts: Number of such facts.
    """

    subject: str
    predicate: str
    object: str
    facts: int


@runtime_checkable
class QueryableStore(GraphStore, Protocol):
    """A store that runs Cypher of people and models, over the form that `kg.stores.neo4j.rows` describes."""

    def query(self, text: str, limit: int, timeout_s: float) -> QueryResult:
        """Run one query over this workspace alone.

        Args:
            text: Cypher that reads; it need not name the workspace.
            limit: Maximum number of rows.
            timeout_s: Maximum time in seconds.
        Raises:
            InputError: The query does more than read, could look elsewhere, is no Cypher, or takes too long.
        """

    def patterns(self, limit: int) -> list[FactPattern]:
        """The patterns with most facts, in falling order, at most `limit`."""


@runtime_checkable
class SearchingStore(GraphStore, Protocol):
    """A store with indexes of vectors and of words over its rows."""

    def keep_vectors(
        self, kind: type[Any], encoder: str, content: str, ids: Sequence[str], keys: Sequence[str], vectors: Vectors
    ) -> None:
        """Keep vectors of rows beside the rows; vectors that are there already are not written again.

        Args:
            kind: Class of the rows, `Chunk` or `Entity`.
            encoder: Digest of the encoder that made the vectors.
            content: Digest of the store that they were made from; if it is the last one's, nothing is done.
            ids: Ids of the rows, sorted.
            keys: Digest of the text behind each vector; where it differs, the vector is written again.
            vectors: Array (len(ids), dimension), float32, rows of norm 1.
        """

    def nearest(self, kind: type[Any], encoder: str, vector: Vectors, limit: int) -> list[tuple[str, float]]:
        """Ids of the rows nearest to a unit vector, as an approximate index finds them, with their cosines.

        Args:
            kind: Class of the rows, `Chunk` or `Entity`.
            encoder: Digest of the encoder that made the vectors.
            vector: Array (dimension,), float32, norm 1.
            limit: Maximum number of rows.
        Raises:
            StoreError: No vector of that kind and encoder was ever kept.
        """

    def matching(self, kind: type[Any], words: Sequence[str], limit: int) -> list[tuple[str, float]]:
        """Ids of the rows whose text (a chunk) or names (an entity) hold most of some words, with scores > 0."""
