from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from kg.schema import Entity, Fact, Row
from models.errors import ConfigError
from retrieval.index.graph_index import GraphIndex
from retrieval.index.subset import CorpusFilter, restrict
from retrieval.retrievers.registry import open_retriever
from tests.retrieval.fakes import MemoryStore, WordEncoder, world

QUESTION = "Where was the designer of the Aldermoon Bridge born?"
PEOPLE = ("Ivo Tarn", "Runa Fisk")


def typed() -> list[Row]:
    """The small world, in which two entities are persons and one fact has ended."""
    rows: list[Row] = []
    for row in world():
        if isinstance(row, Entity) and row.name in PEOPLE:
            row = replace(row, type="person")
        if isinstance(row, Fact) and row.predicate == "designed":
            row = replace(row, valid_from="2020", valid_to="2024")
        rows.append(row)
    return rows


@pytest.fixture
def index(tmp_path: Path) -> GraphIndex:
    return GraphIndex.open(MemoryStore(typed()), tmp_path, WordEncoder(512))


def sources(index: GraphIndex, name: str, question: str = QUESTION) -> set[str]:
    found = open_retriever(name, index, index.encoder, {}).retrieve(question, 5)
    assert {fact.source for fact in found.facts} <= {p.source for p in found.passages} or name != "graph"
    return {passage.source for passage in found.passages}


@pytest.mark.parametrize("name", ["bm25", "dense", "rag", "graph", "ppr", "local", "paths", "coe"])
def test_no_retriever_leaves_the_time(index: GraphIndex, name: str) -> None:
    part = restrict(index, CorpusFilter(after="2030", before="4 May 2031"))
    assert sources(part, name, "What do bees and the bridge need?") <= {"bees.md", "bridge.md"}
    assert sources(part, name, "What do bees and the bridge need?")


def test_a_passage_without_a_date_is_outside_every_time(index: GraphIndex) -> None:
    assert "pellin.md" in sources(index, "dense")
    assert "pellin.md" not in sources(restrict(index, CorpusFilter(after="1000")), "dense")


def test_types_keep_what_speaks_of_them(index: GraphIndex) -> None:
    part = restrict(index, CorpusFilter(types=("Person",)))
    assert sources(part, "dense") == {"bridge.md", "tarn.md", "pellin.md"}
    told = open_retriever("graph", part, part.encoder, {}).retrieve(QUESTION, 3).facts
    assert told and all({fact.subject, fact.object} & set(PEOPLE) for fact in told)
    assert "crosses" not in {fact.predicate for fact in told}


def test_facts_that_have_ended_are_outside_a_later_time(index: GraphIndex) -> None:
    during, after = restrict(index, CorpusFilter(after="2023")), restrict(index, CorpusFilter(after="2025"))
    assert len(during.fact_ids) == 3 and len(after.fact_ids) == 2  # the passage on Pellin has no date


def test_a_part_has_its_own_row_numbers_and_digest(index: GraphIndex) -> None:
    part = restrict(index, CorpusFilter(after="2031", types=("person",)))
    size = len(part.entity_ids) + len(part.chunk_ids)
    assert part.step.shape == (size, size) and len(part.degree) == size
    columns = np.asarray(part.step.sum(axis=0)).ravel()
    assert set(np.round(columns, 6)) <= {0.0, 1.0}
    assert part.fact_ends.max(initial=-1) < len(part.entity_ids) and part.fact_ends.min(initial=0) >= 0
    assert part.digest not in {index.digest, restrict(index, CorpusFilter(after="2031")).digest}
    assert restrict(index, CorpusFilter()) is index
    assert len(index.chunk_ids) == 5  # the whole is as it was


def test_nothing_within_gives_nothing(index: GraphIndex) -> None:
    part = restrict(index, CorpusFilter(after="2090"))
    for name in ("bm25", "dense", "rag", "ppr", "graph", "local"):
        assert open_retriever(name, part, part.encoder, {}).retrieve(QUESTION, 5).passages == ()


def test_what_cannot_be_meant_is_an_error(index: GraphIndex) -> None:
    with pytest.raises(ConfigError, match="Expected one of: person, thing"):
        restrict(index, CorpusFilter(types=("boat",)))
    with pytest.raises(ValidationError, match="Expected a date"):
        CorpusFilter(after="next week")
