import math
from contextlib import contextmanager
from dataclasses import replace

import pytest

from eval.arms.contexts import ContextSettings, ContextSources, freeze_contexts, line_weights, missing_contexts
from eval.runs.folder import RunFolder
from eval.runs.trec import RankedChunk, read_qrels, read_run
from eval.tasks.gold import GoldChunks
from eval.types import Item
from models.errors import BudgetError, ModelError, RefusalError, RefusedPromptError
from models.runtime.progress import SILENT
from retrieval.answering.pack import pack
from retrieval.types import GraphQuery, Passage, RetrievedEvidence, RetrievedReport

ITEMS = [Item(f"q{n}", f"Question {n}?", ("red", "blue"), 0, ("red",)) for n in range(3)]
PACKING = ContextSettings(2, 40, lambda text: len(text.split()))


def passage(name, score):
    return Passage(f"c:{name}", f"d:{name}", f"{name}.md", name, "", f"Passage {name} is here.", score)


class Retriever:
    name = digest = "scripted"

    def __init__(self, errors=None):
        self.asked = []
        self.errors = errors or {}

    def retrieve(self, question, limit):
        self.asked.append((question, limit))
        if error := self.errors.get(question):
            raise error
        return RetrievedEvidence((passage("a", 2.0), passage("b", 1.0)))


class Oracle:
    def retrieve(self, item, query, limit, budget_tokens):
        return RetrievedEvidence((passage("gold", 1.0),))


def sources(retriever):
    gold = {item.id: GoldChunks() for item in ITEMS} | {"q0": GoldChunks(("d:b", "d:z"), quoted=(_chunk("c:b"),))}
    return ContextSources({"rag": retriever}, Oracle(), {"c:a": "d:a", "c:b": "d:b"}, gold)


def _chunk(name):
    from kg.schema import Chunk

    return Chunk(name, "d:b", 0, 0, 1, "x", 1)


def freeze_all(tmp_path, retriever, retry_failed=False, packing=PACKING, keys=("oracle", "rag")):
    run = RunFolder(tmp_path)
    freeze_contexts(run, missing_contexts(run, keys, ITEMS, retry_failed), sources(retriever), packing, SILENT)
    return run.contexts()


def test_every_retriever_freezes_every_item_once(tmp_path):
    retriever = Retriever()
    contexts = freeze_all(tmp_path, retriever)
    assert [*contexts] == [(key, item.id) for key in ("oracle", "rag") for item in ITEMS]
    first = contexts["rag", "q0"]
    assert first.chunk_ids == ("c:a", "c:b")
    assert first.tokens == len(first.text.split()) <= 40
    assert (first.recall, contexts["rag", "q1"].recall) == (0.5, None)
    assert retriever.asked == [(item.question, 2) for item in ITEMS]
    freeze_all(tmp_path, retriever)
    assert len(retriever.asked) == 3


def test_the_graph_query_is_kept_with_its_context(tmp_path):
    class Asking(Retriever):
        def retrieve(self, question, limit):
            found = RetrievedEvidence((passage("a", 2.0),), query=GraphQuery("MATCH (n) RETURN n"))
            return replace(found, query=replace(found.query, problem="nothing")) if question.endswith("1?") else found

    contexts = freeze_all(tmp_path, Asking())
    assert contexts["rag", "q0"].query == "MATCH (n) RETURN n"
    assert [contexts["rag", item.id].query for item in ITEMS if item.question.endswith("1?")] == [
        "MATCH (n) RETURN n // nothing"
    ]
    assert contexts["oracle", "q0"].query == ""


def test_rankings_and_judgements_are_written_with_the_contexts(tmp_path):
    freeze_all(tmp_path, Retriever())
    rankings = read_run(tmp_path / "run.trec")
    assert rankings["rag", "q2"] == ("c:a", "c:b")
    assert rankings["oracle", "q0"] == ("c:gold",)
    assert read_qrels(tmp_path / "qrels.trec") == {"q0": ("c:b",)}


def test_a_query_may_contain_the_options(tmp_path):
    retriever = Retriever()
    freeze_all(tmp_path, retriever, packing=ContextSettings(2, 40, len, "question-and-choices"), keys=("rag",))
    assert retriever.asked[0][0] == "Question 0?\nred\nblue"


def test_a_failed_retrieval_is_recorded_and_made_again_on_request(tmp_path):
    contexts = freeze_all(tmp_path, Retriever({"Question 1?": KeyError("x")}))
    assert contexts["rag", "q1"].error == "KeyError: 'x'"
    assert not contexts["rag", "q2"].error
    assert freeze_all(tmp_path, Retriever())["rag", "q1"].error
    assert not freeze_all(tmp_path, Retriever(), retry_failed=True)["rag", "q1"].error
    assert sorted(read_run(tmp_path / "run.trec")) == sorted(freeze_all(tmp_path, Retriever()))


def test_a_stop_between_ranking_and_context_leaves_no_ranking_twice(tmp_path):
    whole = tmp_path / "whole"
    whole.mkdir()
    freeze_all(whole, Retriever())
    contexts = (whole / "contexts.jsonl").read_text().splitlines(keepends=True)
    cut = tmp_path / "cut"
    cut.mkdir()
    (cut / "contexts.jsonl").write_text("".join(contexts[:4]) + contexts[4][:30])
    rankings = (whole / "run.trec").read_text().splitlines(keepends=True)
    (cut / "run.trec").write_text("".join(rankings[:8]) + rankings[8][:9])
    RunFolder(cut).repair()
    freeze_all(cut, Retriever())
    assert (cut / "run.trec").read_text() == (whole / "run.trec").read_text()


def test_a_used_up_budget_is_not_a_failed_item(tmp_path):
    with pytest.raises(BudgetError):
        freeze_all(tmp_path, Retriever({"Question 1?": BudgetError("no more")}))
    assert ("rag", "q1") not in RunFolder(tmp_path).contexts()


def test_progress_counts_items_a_retriever(tmp_path):
    steps = []

    class Progress:
        @contextmanager
        def step(self, label, total, unit="items", done=0):
            steps.append([label, total, 0])

            class Step:
                def advance(self, amount=1):
                    steps[-1][2] += amount

                def note(self, text):
                    pass

            yield Step()

    run = RunFolder(tmp_path)
    freeze_contexts(
        run, missing_contexts(run, ["oracle", "rag"], ITEMS, False), sources(Retriever()), PACKING, Progress()
    )
    assert steps == [["retrieve: oracle", 3, 3], ["retrieve: rag", 3, 3]]


def test_lines_are_weighted_by_cosine_after_dense_search_and_otherwise_by_rank():
    told = (RetrievedReport("r", "T", "Told.", 1.0),)
    packed = pack(
        RetrievedEvidence((passage("a", 0.75), passage("b", 0.5)), reports=told), 60, lambda text: len(text.split())
    )
    ranking = [RankedChunk("c:a", 0.75), RankedChunk("c:b", 0.5)]
    assert [line.kind for line in packed.lines] == ["report", "passage", "passage"]  # the strongest last
    assert line_weights(packed, ranking, is_dense=True) == (10.0, 10.0, 15.0)
    second = -math.log(2)
    assert line_weights(packed, ranking, is_dense=False) == pytest.approx((second, second, 0.0))
    assert line_weights(packed, [], is_dense=False) == (0.0, 0.0, 0.0)


def test_prompts_that_a_server_refuses_are_failed_items_however_many(tmp_path):
    refused = {item.question: RefusedPromptError("filtered") for item in ITEMS[1:]}
    contexts = freeze_all(tmp_path, Retriever(refused), keys=("rag",))
    assert [bool(contexts["rag", item.id].error) for item in ITEMS] == [False] + [True] * (len(ITEMS) - 1)


@pytest.mark.parametrize("error", [ModelError("gone"), RefusalError("wrong key")])
def test_a_model_out_of_reach_ends_the_run_and_is_no_result(error, tmp_path):
    with pytest.raises(type(error)):
        freeze_all(tmp_path, Retriever({item.question: error for item in ITEMS}), keys=("rag",))
    assert RunFolder(tmp_path).contexts() == {}
    contexts = freeze_all(tmp_path, Retriever(), keys=("rag",))
    assert not any(context.error for context in contexts.values())


def test_one_item_that_a_model_fails_at_is_a_failed_item(tmp_path):
    contexts = freeze_all(tmp_path, Retriever({ITEMS[0].question: ModelError("HTTP 500")}), keys=("rag",))
    assert [item for (_, item), context in contexts.items() if context.error] == [ITEMS[0].id]
