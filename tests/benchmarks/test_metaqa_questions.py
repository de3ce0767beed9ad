from __future__ import annotations

import json
import random
from pathlib import Path

from benchmarks.metaqa_questions import PHRASES, Composer, write_examples
from retrieval.index.graph_index import GraphIndex
from retrieval.traversal.steps import RelationGraph
from tests.retrieval.fakes import MemoryStore, WordEncoder
from tests.retrieval.retrievers.test_paths import graph


def test_a_path_is_worded_around_its_start() -> None:
    compose = Composer(random.Random(0))
    for key in PHRASES:
        for _ in range(5):
            question = compose(key.split("/"))
            assert question.count("[X]") == 1 and "@" not in question
    assert compose(("directed by", "^directed by", "has genre")) != compose(("release year",))


def test_examples_are_paths_that_exist_in_the_graph(tmp_path: Path) -> None:
    rows = graph(("Dune", "directed by", "Lyn"), ("Dune", "release year", "1984"), ("Blue", "directed by", "Lyn"))
    index = GraphIndex.open(MemoryStore(rows), tmp_path / "index", WordEncoder(64))
    write_examples(tmp_path / "examples.jsonl", index, 12)
    lines = [json.loads(line) for line in (tmp_path / "examples.jsonl").read_text().splitlines()]
    assert len(lines) == 12
    assert all(RelationGraph(index).numbered(line["path"]) for line in lines)
    assert {len(line["path"]) for line in lines} <= {1, 2, 3}
