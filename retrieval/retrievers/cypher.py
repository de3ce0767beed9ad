"""The `cypher` retriever: facts, passages and values returned by a graph query that a chat model writes.

Source: text-to-Cypher as LangChain's GraphCypherQAChain and Neo4j's own tools do it; what the model is shown, and that
plain RAG fills up, is ours.

For a knowledge base whose store answers queries. The model is shown the graph's schema: its labels, the names that the
question points at, and the predicates nearest to it, with the types that they join. What it writes is run read-only, in
its own workspace, for a short time (`kg.stores.neo4j.scope`); if that fails or finds nothing, the model is given the
problem and writes another query. Facts and passages in the result are evidence like any other; its other values are
lines of a table. Plain RAG's passages fill up the limit, so that a poor query costs no passage.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kg.schema import Entity
from kg.stores.capabilities import FactPattern, QueryableStore, QueryResult
from models.calls.chats import Chats
from models.calls.prompt import CHARACTERS_PER_TOKEN, load_prompt
from models.calls.structured import schema_of_reply
from models.errors import ConfigError, InputError, OutputError
from models.files.digest import digest
from models.protocols import ChatRequest, Message
from retrieval.index.graph_index import GraphIndex
from retrieval.index.rank import ScoredId, top_rows
from retrieval.text.texts import entity_text, fact_text
from retrieval.traversal.fused_search import RagSettings, fill_with_fused
from retrieval.types import GraphQuery, PlannedCalls, QueryRow, RetrievedEvidence

MAX_TOKENS = 300
"""Maximum number of tokens of the model's reply."""
_MAX_CELL = 120
"""Maximum number of characters shown of a value in a line of the table."""


class QueryReply(BaseModel):
    """The model's reply: a query in Cypher."""

    model_config = ConfigDict(extra="forbid")

    query: str


SCHEMA = schema_of_reply(QueryReply)


class CypherSettings(BaseModel):
    """Settings of `cypher`.

    Attributes:
        model: Chat model that writes the queries.
        rag: Settings of the plain search whose passages fill up the limit.
        fill: Whether plain RAG's passages fill up the limit; otherwise only the query's are returned.
        attempts: Maximum number of queries that the model writes for a question.
        rows: Maximum number of rows of a result.
        timeout_s: Maximum time of a query in seconds.
        names: Maximum number of names that the model is shown.
        predicates: Maximum number of predicates that the model is shown.
        known: Number of predicates with the most facts, from which the shown ones are chosen.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = Field(default="qwen-1.5b", min_length=1)
    rag: RagSettings = RagSettings()
    fill: bool = True
    attempts: int = Field(default=2, ge=1)
    rows: int = Field(default=20, ge=1)
    timeout_s: float = Field(default=10.0, gt=0)
    names: int = Field(default=6, ge=0)
    predicates: int = Field(default=12, ge=0)
    known: int = Field(default=1000, ge=0)


class CypherRetriever:
    """Facts, passages and values by a query that a model writes.

    Raises:
        ConfigError: The store answers no queries.
    """

    name = "cypher"
    Settings = CypherSettings

    def __init__(self, index: GraphIndex, settings: CypherSettings, chats: Chats) -> None:
        if not isinstance(index.store, QueryableStore):
            raise ConfigError(
                "The retriever cypher runs queries in Cypher, which the store of this workspace does not answer. Use a "
                "knowledge base that was indexed with store: neo4j."
            )
        self._index = index
        self._store = index.store
        self._settings = settings
        self._chat = chats(settings.model)
        self._prompt = load_prompt("cypher")
        self.digest = digest(
            self.name, index.digest, settings.model_dump(), self._chat.digest, self._prompt.template, SCHEMA
        )

    @staticmethod
    def planned_calls(settings: CypherSettings) -> PlannedCalls:
        """Upper bound of a question's calls; a query usually takes about a third of the tokens that it may take."""
        written = sum(len(text) for _, text in load_prompt("cypher").turns)
        return PlannedCalls(settings.model, settings.attempts, round(written / CHARACTERS_PER_TOKEN), MAX_TOKENS // 3)

    def retrieve(self, question: str, limit: int) -> RetrievedEvidence:
        """Find at most `limit` passages, and the facts and values that the model's query returns."""
        vector = self._index.encode_question(question)
        query, query_result = self._run_written_query(question, vector)
        result = _ResultEvidence(query_result)
        facts = self._index.facts([ScoredId(fact_id, 1.0) for fact_id in result.fact_ids])
        # Passages that the query returned, then those that state its facts; a database may know more than the index.
        named = [*result.chunk_ids, *(fact.chunk_id for fact in facts)]
        chunk_ids = dict.fromkeys(chunk_id for chunk_id in named if self._index.has_chunk(chunk_id))
        ranked = [ScoredId(chunk_id, 1.0) for chunk_id in chunk_ids][:limit]
        if self._settings.fill:
            ranked = fill_with_fused(ranked, self._index, question, vector, limit, self._settings.rag)
        return RetrievedEvidence(self._index.passages(ranked), facts, rows=result.rows, query=query)

    def _run_written_query(self, question: str, vector: NDArray[np.float32]) -> tuple[GraphQuery, QueryResult | None]:
        """The query that the model wrote last, and what it returned; None if no attempt returned a row."""
        fields = {
            "question": " ".join(question.split()),
            "names": "; ".join(self._names(question, vector)) or "none",
            "predicates": "; ".join(self._predicates(vector)) or "none",
        }
        messages = self._prompt.fill(fields)
        text = problem = ""
        for _ in range(self._settings.attempts):
            try:
                text = self._write_query(messages)
                result = self._store.query(text, self._settings.rows, self._settings.timeout_s)
            except OutputError as error:
                # There is no query to correct, and a model at temperature 0 would give the same reply again.
                problem = f"the model wrote no query: {error}"
                break
            except InputError as error:
                problem = str(error)
            else:
                if result.rows:
                    return GraphQuery(text, ""), result
                problem = "the query found nothing"
            correction = f"Error: {problem}. Write another query for the same question, as JSON."
            own_reply = Message("assistant", json.dumps({"query": text}))
            messages = (*messages, own_reply, Message("user", correction))
        return GraphQuery(text, problem), None

    def _write_query(self, messages: tuple[Message, ...]) -> str:
        """One call.

        Raises:
            OutputError: The reply is not a query.
        """
        request = ChatRequest(messages, SCHEMA, MAX_TOKENS, template=self._prompt.template)
        parsed = self._chat.complete(request).parsed
        try:
            return QueryReply.model_validate(parsed).query.strip()
        except ValidationError as error:
            raise OutputError(f'Expected {{"query": text}}; the model gave {parsed!r}.') from error

    def _names(self, question: str, vector: NDArray[np.float32]) -> list[str]:
        """Entities that the question names, then those nearest to it, each with its type."""
        # Exact names lead: a query filters by them, and a near name is only a guess at what the question means.
        near = [row for row, _ in self._index.search.near_entities(vector, self._settings.names)]
        rows = list(dict.fromkeys([*self._index.search.named_entities(question), *near]))[: self._settings.names]
        ids = [self._index.entity_ids[row].decode() for row in rows]
        return [entity_text(entity) for entity in self._store.read(Entity, ids)]

    def _predicates(self, vector: NDArray[np.float32]) -> list[str]:
        """Patterns of facts nearest to the question, as text."""
        patterns, vectors = self._patterns
        rows = top_rows(vectors @ vector, self._settings.predicates).tolist()
        return [f'{patterns[row].subject} "{patterns[row].predicate}" {patterns[row].object}' for row in rows]

    @cached_property
    def _patterns(self) -> tuple[list[FactPattern], NDArray[np.float32]]:
        """The graph's patterns of facts, and their vectors, array (patterns, dimension)."""
        patterns = self._store.patterns(self._settings.known)
        if not patterns:
            return [], np.zeros((0, self._index.encoder.dimension), dtype=np.float32)
        texts = [fact_text(pattern.subject, pattern.predicate, pattern.object) for pattern in patterns]
        return patterns, self._index.encoder.encode(texts)


class _ResultEvidence:
    """The result of a query by kind: ids of facts, ids of passages, and everything else as rows of text."""

    def __init__(self, result: QueryResult | None) -> None:
        self.fact_ids: list[str] = []
        self.chunk_ids: list[str] = []
        self.rows: tuple[QueryRow, ...] = ()
        if result is not None:
            lines = [self._line(result.columns, row) for row in result.rows]
            self.rows = tuple(QueryRow(line) for line in dict.fromkeys(lines) if line)

    def _line(self, columns: Sequence[str], row: Sequence[Any]) -> str:
        """A row as "column: value; …", without the facts and passages in it."""
        cells = [(column, list(self._texts(value))) for column, value in zip(columns, row, strict=True)]
        return "; ".join(f"{column}: {', '.join(texts)}" for column, texts in cells if texts)

    def _texts(self, value: Any) -> Iterator[str]:
        """The texts of a value; ids of facts and passages in it are collected instead."""
        if isinstance(value, list):
            for item in value:
                yield from self._texts(item)
        elif isinstance(value, dict):
            yield from self._texts_of_mapping(value)
        elif value is not None and value != "":
            text = " ".join(str(value).split())
            yield text if len(text) <= _MAX_CELL else f"{text[: _MAX_CELL - 1]}…"

    def _texts_of_mapping(self, value: dict[str, Any]) -> Iterator[str]:
        """A node has "labels", a relationship a "type" (`kg.stores.neo4j.rows`); any other mapping has neither."""
        labels, ids = value.get("labels"), None
        if labels is None and value.get("type") == "FACT":
            ids = self.fact_ids
        elif isinstance(labels, list) and "Chunk" in labels:
            ids = self.chunk_ids
        if ids is not None and isinstance(value.get("id"), str):
            if value["id"] not in ids:
                ids.append(value["id"])
        elif name := value.get("name") or value.get("title"):  # a node is known by its name
            yield from self._texts(name)
        else:
            for key, item in value.items():
                if key != "workspace":  # the same in every row
                    yield from (f"{key} {text}" for text in self._texts(item))
