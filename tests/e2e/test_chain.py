"""The whole job with real weights: five articles, ten questions, seven arms, through the command line."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from app.api import probe
from eval.runs.folder import RunFolder
from kg.schema import Chunk, Entity, Fact
from kg.workspace import Workspace
from tests.e2e.job import (
    ANSWERABLE,
    ARMS,
    ARTICLES,
    BUDGET_TOKENS,
    CommandResult,
    calls,
    failures,
    graft,
    write_experiment,
)
from training.runs.adapter import list_adapters

pytestmark = pytest.mark.models

FILES = {
    "config.yaml", "manifest.json", "items.jsonl", "contexts.jsonl", "samples.jsonl", "run.trec", "qrels.trec",
    "metrics.json", "results.json", "report.html",
}  # fmt: skip
EXPERIMENT = "experiment.yaml"


@dataclass(frozen=True)
class Job:
    """The finished job.

    Attributes:
        folder: Where its files are.
        done: How the command ended.
        run: The run's folder.
        ledger: Every recorded call, when it was done.
    """

    folder: Path
    done: CommandResult
    run: RunFolder
    ledger: list[tuple[Any, ...]]

    @property
    def workspace(self) -> Path:
        return self.folder / "kb"


@pytest.fixture(scope="module")
def job(need: Callable[..., None], tmp_path_factory: pytest.TempPathFactory) -> Job:
    """Index, train and evaluate, once for all tests of this file."""
    need("extractor", "encoder", "reader")
    folder = tmp_path_factory.mktemp("chain")
    write_experiment(folder)
    done = graft(folder, "eval", "run", EXPERIMENT, "--workspace", "kb", "--json")
    assert done.code == 0, done.err
    return Job(folder, done, RunFolder(folder / "kb" / "runs" / done.json["run"]), calls(folder / "kb"))


@pytest.fixture
def workspace(job: Job) -> Iterator[Workspace]:
    with Workspace.open(job.workspace) as opened:
        yield opened


def squeezed(text: str) -> str:
    return " ".join(text.split()).casefold()


def test_every_question_is_answered_in_every_arm(job):
    document = job.done.json
    assert (document["n"], document["failed"], document["headline"]) == (10, 0, "accuracy")
    assert tuple(arm["name"] for arm in document["arms"]) == ARMS
    samples = job.run.samples()
    assert Counter(arm for arm, _ in samples) == dict.fromkeys(ARMS, 10)
    assert all(len(sample.scores) == 4 and sample.tokens_in > 0 for sample in samples.values())
    lines = job.run.file("samples.jsonl").read_text().splitlines()
    assert len(lines) == len(samples) == 70


def test_the_run_folder_is_complete_and_names_no_path_of_this_machine(job):
    assert {path.name for path in job.run.path.iterdir()} >= FILES
    for name in FILES:
        text = job.run.file(name).read_text()
        assert text
        assert str(job.folder) not in text, name


def test_the_table_counts_what_the_samples_say(job):
    samples = job.run.samples()
    for arm in job.done.json["arms"]:
        right = [sample.correct for (name, _), sample in samples.items() if name == arm["name"]]
        assert arm["accuracy"] == pytest.approx(sum(right) / 10)
        assert arm["ci_low"] <= arm["accuracy"] <= arm["ci_high"]


def test_the_adapter_changes_what_the_reader_says(job):
    samples = job.run.samples()
    for plain, adapted in (("closed-book", "lora"), ("rag", "lora-rag"), ("graph-rag", "lora-graph-rag")):
        differing = [
            item
            for arm, item in samples
            if arm == plain and samples[plain, item].scores != samples[adapted, item].scores
        ]
        assert len(differing) == 10


def test_the_graph_holds_facts_whose_sentences_name_both_ends(workspace):
    entities = {entity.id: entity for entity in workspace.store.read(Entity)}
    chunks = {chunk.id: chunk.text for chunk in workspace.store.read(Chunk)}
    facts = list(workspace.store.read(Fact))
    assert len(entities) > len(ARTICLES)
    assert len(facts) > len(ARTICLES)
    for fact in facts:
        assert fact.evidence
        for evidence in fact.evidence:
            sentence = squeezed(chunks[evidence.chunk_id][evidence.start : evidence.end])
            for end in (entities[fact.subject_id], entities[fact.object_id]):
                assert any(squeezed(name) in sentence for name in (end.name, *end.aliases)), (fact, end, sentence)


def test_every_passage_was_read_once_and_neighbours_together(job, workspace):
    chunks = list(workspace.store.read(Chunk))
    extracted = [call for call in job.ledger if call[1] == "chat"]
    assert len(chunks) > len(extracted) == len(ARTICLES)
    assert failures(job.workspace) == []
    outcomes = Counter(entry.status for entry in workspace.store.journal("extract"))
    assert outcomes == {"done": len(chunks)}


def test_the_oracle_shows_the_gold_of_every_answerable_question(job):
    contexts = job.run.contexts()
    answerable = [item for item in job.run.items() if item.evidence]
    assert len(answerable) == ANSWERABLE
    for item in answerable:
        shown = squeezed(contexts["oracle", item.id].text)
        assert [gold.quote for gold in item.evidence if squeezed(gold.quote) not in shown] == []
        assert contexts["oracle", item.id].recall == 1.0


def test_contexts_stay_within_the_budget_and_are_of_this_knowledge_base(job, workspace):
    contexts = job.run.contexts()
    assert Counter(key for key, _ in contexts) == {"oracle": 10, "rag": 10, "graph": 10}
    chunks = {chunk.id for chunk in workspace.store.read(Chunk)}
    for context in contexts.values():
        assert 0 < context.tokens <= BUDGET_TOKENS
        assert context.error == ""
        assert set(context.chunk_ids) <= chunks


def test_retrieval_finds_most_of_the_evidence_among_five_articles(job):
    recall = {row["retriever"]: row["recall"] for row in job.done.json["retrieval"]}
    assert recall["oracle"] == 1.0
    assert min(recall["rag"], recall["graph"]) > 0.5


def test_the_report_shows_every_arm(job):
    report = job.run.file("report.html").read_text()
    assert job.done.json["report"].endswith("report.html")
    assert [arm for arm in ARMS if not re.search(rf"\b{arm}\b", report)] == []
    assert "http://" not in report.replace("http://www.w3.org/", "")


def test_a_second_start_reads_its_records_and_asks_no_model(job):
    ledger = calls(job.workspace)
    again = graft(job.folder, "eval", "run", EXPERIMENT, "--workspace", "kb", "--json", "--max-calls", "0")
    assert again.code == 0, again.err
    assert again.json["results_digest"] == job.done.json["results_digest"]
    assert again.json["run"] == job.done.json["run"]
    assert calls(job.workspace) == ledger
    assert again.seconds < 10


def test_an_answer_cites_words_of_the_documents(job, workspace):
    done = graft(job.folder, "ask", "Where was the Herring Accord signed?", "--workspace", "kb", "--json")
    assert done.code == 0, done.err
    document: dict[str, Any] = json.loads(done.out)
    assert not document["abstained"]
    assert document["citations"]
    chunks = {chunk.id: chunk.text for chunk in workspace.store.read(Chunk)}
    for citation in document["citations"]:
        assert citation["quote"]
        assert citation["quote"] in chunks[citation["chunk_id"]]
        assert citation["source"] in ARTICLES


def test_the_adapter_has_learnt_something_of_its_passages(job):
    [(adapter, _)] = list_adapters(job.workspace / "adapters")
    losses, cloze = probe(job.workspace, adapter, "smollm2-135m")
    assert losses.loss_adapter < losses.loss_base
    assert cloze is not None
    assert cloze.items > 5
    assert 0 <= cloze.base <= 1 and 0 <= cloze.adapter <= 1
