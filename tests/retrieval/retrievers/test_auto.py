from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path

import pytest

from models.calls.chats import Chats
from models.errors import ConfigError, InputError
from retrieval.index.graph_index import GraphIndex
from retrieval.retrievers.auto import AutoRetriever, AutoSettings, masked
from retrieval.retrievers.registry import open_retriever, planned_calls
from tests.retrieval.fakes import MemoryStore, ScriptedChat, WordEncoder, world

BEHIND = {"single": "bm25", "linked": "graph", "corpus": "rag"}
EXAMPLES = (
    ("single", "Who is the mayor of Torsby?"),
    ("single", "When was the mill founded?"),
    ("linked", "Where was the designer of the bridge born?"),
    ("linked", "Where was the founder of the mill born?"),
    ("corpus", "What are the main themes overall?"),
    ("corpus", "Which themes recur overall?"),
)


@pytest.fixture
def index(tmp_path: Path) -> GraphIndex:
    return GraphIndex.open(MemoryStore(world()), tmp_path / "index", WordEncoder(512))


def examples(folder: Path, rows: tuple[tuple[str, str], ...] = EXAMPLES) -> str:
    path = folder / "examples.jsonl"
    path.write_text("".join(json.dumps({"kind": kind, "question": text}) + "\n" for kind, text in rows))
    return str(path)


def auto(index: GraphIndex, **settings: object) -> AutoRetriever:
    chats = Chats(lambda _: nullcontext(ScriptedChat({})))
    found = open_retriever("auto", index, index.encoder, {"retrievers": BEHIND, **settings}, chats)
    assert isinstance(found, AutoRetriever)
    return found


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("Who is the mayor of Pellin?", "single"),
        ("Where was the designer of the Aldermoon Bridge born?", "linked"),
        ("What are the themes overall?", "corpus"),
    ],
)
def test_the_kind_decides_who_answers(index: GraphIndex, tmp_path: Path, question: str, kind: str) -> None:
    chosen = auto(index, examples=examples(tmp_path), least=0.34)
    assert chosen.kind(question) == kind
    behind = open_retriever(BEHIND[kind], index, index.encoder, {})
    assert chosen.retrieve(question, 3) == behind.retrieve(question, 3)


def test_a_question_of_no_clear_kind_has_the_kind_otherwise(index: GraphIndex, tmp_path: Path) -> None:
    chosen = auto(index, examples=examples(tmp_path), least=1.0, otherwise="corpus")
    assert chosen.kind("Who is the mayor of Pellin?") == "corpus"


def test_names_do_not_count() -> None:
    assert masked("Who is the wife of Tom Hale?") == masked("Who is the wife of Runa Fisk-Olsen?")
    assert masked("Who is the wife of Tom Hale?") == "Who is the wife of X?"


def test_every_kind_needs_a_retriever(index: GraphIndex, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="needs a retriever for questions of the kind odd"):
        auto(index, examples=examples(tmp_path, (*EXAMPLES, ("odd", "Why?"))))
    with pytest.raises(ConfigError, match="the file is empty"):
        auto(index, examples=examples(tmp_path, ()))
    with pytest.raises(InputError, match="line 1"):
        (tmp_path / "bad.jsonl").write_text("{}\n")
        auto(index, examples=str(tmp_path / "bad.jsonl"))


def test_the_digest_names_who_answers_and_the_examples(index: GraphIndex, tmp_path: Path) -> None:
    one, other = auto(index), auto(index, examples=examples(tmp_path))
    assert one.digest == auto(index).digest != other.digest
    assert one.digest != auto(index, retrievers={**BEHIND, "corpus": "dense"}).digest


def test_the_dearest_retriever_is_planned() -> None:
    planned = planned_calls("auto", {})
    assert planned is not None and planned == planned_calls("global", {"model": "qwen-1.5b"})
    assert planned_calls("auto", {"retrievers": BEHIND}) is None


def test_the_shipped_examples_have_every_kind_that_is_answered() -> None:
    from retrieval.retrievers.auto import _read_examples

    shipped = _read_examples("")
    assert {example.kind for example in shipped} == set(AutoSettings().retrievers)
    assert len({example.question for example in shipped}) == len(shipped) >= 60
