"""The `cypher` retriever: a chat model writes a query of the graph, and what the query returns is the evidence.

Text-to-Cypher, as analysts know it, for a knowledge base whose store answers queries. The model is shown the graph's
own schema: its labels, the names that the question points at, and the predicates nearest to it, with the types they
join. What it writes is run read-only, in its own workspace, for a short time (`kg.stores.neo4j.scope`); where that
fails or finds nothing, the model is told so and asked again. Facts and passages of the result are evidence as any
other, its other values are lines of a table. Plain RAG's passages fill what is left, so that a poor query costs no
passage.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from kg.schema import Entity
from kg.stores.capabilities import Answer, Pattern, QueryableStore
from models.calls.chats import Chats
from models.calls.prompt import CHARACTERS_PER_TOKEN, load_prompt
from models.errors import ConfigError, InputError, OutputError
from models.files.digest import digest
from models.protocols import ChatRequest, Message
from retrieval.index.graph_index import GraphIndex
from retrieval.index.rank import Scored, top_rows
from retrieval.text.texts import entity_text, fact_text
from retrieval.traversal.fused_search import HybridSettings, filled_up
from retrieval.types import FoundRow, GraphQuery, PlannedCalls, Retrieved

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"query": {"type": "string"}},
    "required": ["query"],
    "additionalProperties": False,
}
MAX_TOKENS = 300
_CELL = 120
"""Most characters shown of a value in a line of a table."""


class CypherSettings(BaseModel):
    """Settings of `cypher`.

    Attributes:
        model: Chat model that writes the queries.
        rag: The plain search whose passages fill up.
        fill: Whether they do.
        attempts: Most queries asked of the model for a question.
        rows: Most rows of a result.
        timeout_s: Most seconds of a query.
        names: Most names shown for a question.
        predicates: Most predicates shown for a question.
        known: Most predicates, those of most facts, that are chosen from.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str = Field(default="qwen-1.5b", min_length=1)
    rag: HybridSettings = HybridSettings()
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
                "The retriever cypher asks the graph in Cypher, which the store of this workspace does not answer: "
                "expected a knowledge base that was indexed with store: neo4j."
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
    def asks(settings: CypherSettings) -> PlannedCalls:
        """What a question costs at most, for a plan."""
        written = sum(len(text) for _, text in load_prompt("cypher").turns)
        return PlannedCalls(settings.model, settings.attempts, round(written / CHARACTERS_PER_TOKEN), MAX_TOKENS // 3)

    def retrieve(self, question: str, limit: int) -> Retrieved:
        """Find at most `limit` passages, and the facts and values that the model's query returns."""
        vector = self._index.encode_question(question)
        asked, answer = self._ask(question, vector)
        result = _Result(answer)
        facts = self._index.facts([Scored(fact_id, 1.0) for fact_id in result.fact_ids])
        named = [*result.chunk_ids, *(fact.chunk_id for fact in facts)]
        chunks = dict.fromkeys(chunk_id for chunk_id in named if self._index.has_chunk(chunk_id))
        found = [Scored(chunk_id, 1.0) for chunk_id in chunks][:limit]
        if self._settings.fill:
            found = filled_up(found, self._index, question, vector, limit, self._settings.rag)
        return Retrieved(self._index.passages(found), facts, rows=result.rows, query=asked)

    def _ask(self, question: str, vector: NDArray[np.float32]) -> tuple[GraphQuery, Answer | None]:
        """The query that the model wrote last, and what it returned."""
        shown = {
            "question": " ".join(question.split()),
            "names": "; ".join(self._names(question, vector)) or "none",
            "predicates": "; ".join(self._predicates(vector)) or "none",
        }
        messages = self._prompt.fill(shown)
        text = problem = ""
        for _ in range(self._settings.attempts):
            request = ChatRequest(messages, SCHEMA, MAX_TOKENS, template=self._prompt.template)
            try:
                text = str(self._chat.complete(request).parsed["query"]).strip()
                answer = self._store.query(text, self._settings.rows, self._settings.timeout_s)
            except OutputError as error:
                problem = f"the model wrote no query: {error}"
                break
            except InputError as error:
                problem = str(error)
            else:
                if answer.rows:
                    return GraphQuery(text, ""), answer
                problem = "the query found nothing"
            told = f"Error: {problem}. Write another query for the same question, as JSON."
            messages = (*messages, Message("assistant", json.dumps({"query": text})), Message("user", told))
        return GraphQuery(text, problem), None

    def _names(self, question: str, vector: NDArray[np.float32]) -> list[str]:
        """Entities that the question names, then those nearest to it."""
        near = [row for row, _ in self._index.search.near_entities(vector, self._settings.names)]
        rows = list(dict.fromkeys([*self._index.search.named_entities(question), *near]))[: self._settings.names]
        ids = [self._index.entity_ids[row].decode() for row in rows]
        return [entity_text(entity) for entity in self._store.read(Entity, ids)]

    def _predicates(self, vector: NDArray[np.float32]) -> list[str]:
        """Patterns of facts nearest to the question."""
        patterns, vectors = self._known
        rows = top_rows(vectors @ vector, self._settings.predicates).tolist()
        return [f'{patterns[row].subject} "{patterns[row].predicate}" {patterns[row].object}' for row in rows]

    @cached_property
    def _known(self) -> tuple[list[Pattern], NDArray[np.float32]]:
        """The graph's patterns, and their vectors."""
        patterns = self._store.patterns(self._settings.known)
        if not patterns:
            return [], np.zeros((0, self._index.encoder.dimension), dtype=np.float32)
        return patterns, self._index.encoder.encode([fact_text(p.subject, p.predicate, p.object) for p in patterns])


class _Result:
    """What a query returned, sorted: facts and passages by id, and rows of all else as text."""

    def __init__(self, answer: Answer | None) -> None:
        self.fact_ids: list[str] = []
        self.chunk_ids: list[str] = []
        self.rows: tuple[FoundRow, ...] = ()
        if answer is not None:
            lines = [self._line(answer.columns, row) for row in answer.rows]
            self.rows = tuple(FoundRow(line) for line in dict.fromkeys(lines) if line)

    def _line(self, columns: Sequence[str], row: Sequence[Any]) -> str:
        """A row as "column: value; …", without what is kept by id."""
        shown = [(column, list(self._values(value))) for column, value in zip(columns, row, strict=True)]
        return "; ".join(f"{column}: {', '.join(values)}" for column, values in shown if values)

    def _values(self, value: Any) -> Iterator[str]:
        if isinstance(value, list):
            for each in value:
                yield from self._values(each)
        elif isinstance(value, dict):
            yield from self._of_mapping(value)
        elif value is not None and value != "":
            text = " ".join(str(value).split())
            yield text if len(text) <= _CELL else f"{text[: _CELL - 1]}…"

    def _of_mapping(self, value: dict[str, Any]) -> Iterator[str]:
        labels, kept = value.get("labels"), None
        if labels is None and value.get("type") == "FACT":
            kept = self.fact_ids
        elif isinstance(labels, list) and "Chunk" in labels:
            kept = self.chunk_ids
        if kept is not None and isinstance(value.get("id"), str):
            if value["id"] not in kept:
                kept.append(value["id"])
        elif name := value.get("name") or value.get("title"):  # by which a node is known
            yield from self._values(name)
        else:
            for key, each in value.items():
                if key != "workspace":
                    yield from (f"{key} {text}" for text in self._values(each))
