from pathlib import Path

import pytest

from eval.arms.answering import MarkingRules, Prompts
from eval.arms.readers import Readers
from eval.arms.score import AnswerSettings, Arm, answer_items, missing_samples
from eval.runs.folder import RunFolder
from eval.runs.records import write_records
from eval.types import Context, Item
from models.errors import BudgetError, ModelError, OutputError, RefusalError, RefusedPromptError
from models.protocols import OptionScore, OptionScores, Usage

ITEMS = [Item(f"q{n}", f"Question {n}?", ("x", "y"), 1, ("y",)) for n in range(6)]
BARE, RAG, LORA = (
    Arm("bare", "bare", "none"),
    Arm("rag", "rag", "rag"),
    Arm("lora", "lora", "none", Path("adapters/one")),
)
ASKING = AnswerSettings(MarkingRules(), Prompts.load(), lambda read, written, seconds: read / 1000)


class Scorer:
    """Right unless its script says otherwise: errors to raise, by question number."""

    digest = "scorer"

    def __init__(self, errors):
        self.errors = errors

    def score(self, prefix, options):
        for number, error in self.errors.items():
            if f"Question {number}?" in prefix:
                raise error
        return OptionScores((OptionScore(-2.0, 1, 1), OptionScore(-1.0, 1, 1)), Usage(10, 0), 0.25)

    def close(self):
        pass


def run_arms(tmp_path, arms, errors=None, retry_failed=False):
    run = RunFolder(tmp_path)
    opened = []

    def open_scorer(adapter):
        opened.append(adapter and adapter.name)
        return Scorer(errors or {})

    def open_chat(adapter):
        raise AssertionError("no item wants a chat model")

    with Readers(open_scorer, open_chat) as readers:
        answer_items(run, arms, missing_samples(run, arms, ITEMS, retry_failed), readers, ASKING)
    return run.samples(), opened


def test_every_item_gets_one_sample_with_tokens_time_and_price(tmp_path):
    samples, _ = run_arms(tmp_path, [BARE])
    assert [*samples] == [("bare", item.id) for item in ITEMS]
    sample = samples["bare", "q0"]
    assert (sample.prediction, sample.gold, sample.correct, sample.scores) == ("1", "1", 1.0, (-2.0, -1.0))
    assert (sample.tokens_in, sample.seconds, sample.cost_usd) == (10, 0.25, 0.01)


def test_a_failed_item_is_recorded_as_wrong_and_the_others_continue(tmp_path):
    samples, _ = run_arms(tmp_path, [BARE], {1: OutputError("cut off"), 3: ValueError("odd")})
    assert [sample.correct for sample in samples.values()] == [1, 0, 1, 0, 1, 1]
    assert samples["bare", "q1"].error == "OutputError: cut off"
    assert samples["bare", "q3"].error == "ValueError: odd"


def test_failed_items_are_answered_again_on_request_only(tmp_path):
    run_arms(tmp_path, [BARE], {1: OutputError("cut off")})
    samples, opened = run_arms(tmp_path, [BARE])
    assert samples["bare", "q1"].error
    assert opened == []
    samples, opened = run_arms(tmp_path, [BARE], retry_failed=True)
    assert samples["bare", "q1"].correct == 1.0
    assert opened == [None]
    assert len((tmp_path / "samples.jsonl").read_text().splitlines()) == 7


def test_one_refusal_is_a_failed_item(tmp_path):
    samples, _ = run_arms(tmp_path, [BARE], {5: RefusalError("too long")})
    assert samples["bare", "q5"].error == "RefusalError: too long"


def test_refused_prompts_in_a_row_are_failed_items(tmp_path):
    refused = {number: RefusedPromptError("filtered") for number in range(1, 5)}
    samples, _ = run_arms(tmp_path, [BARE], refused)
    assert [sample.error for sample in samples.values()].count("RefusedPromptError: filtered") == 4
    again, _ = run_arms(tmp_path, [BARE])
    assert again == samples


def test_a_model_out_of_reach_stops_the_run_and_its_failures_are_not_recorded(tmp_path):
    gone = dict.fromkeys((2, 3, 4, 5), ModelError("connection refused"))
    with pytest.raises(ModelError, match="connection refused"):
        run_arms(tmp_path, [BARE], gone)
    assert [item for _, item in RunFolder(tmp_path).samples()] == ["q0", "q1"]
    samples, _ = run_arms(tmp_path, [BARE])
    assert all(sample.correct for sample in samples.values())


def test_a_model_that_answers_nothing_stops_even_a_short_run(tmp_path):
    run = RunFolder(tmp_path)
    readers = Readers(lambda adapter: Scorer({0: ModelError("gone")}), lambda adapter: None)
    with pytest.raises(ModelError, match="gone"):
        answer_items(run, [BARE], {"bare": ITEMS[:1]}, readers, ASKING)
    assert run.samples() == {}


def test_a_used_up_budget_stops_the_run_with_what_is_done(tmp_path):
    with pytest.raises(BudgetError):
        run_arms(tmp_path, [BARE], {4: BudgetError("no more")})
    assert len(RunFolder(tmp_path).samples()) == 4


def test_an_item_whose_context_failed_is_wrong_without_a_call(tmp_path):
    contexts = [Context("rag", item.id, "[1] p", ("c:1",), 2, 0.1) for item in ITEMS[:-1]]
    contexts.append(Context("rag", "q5", "", (), 0, 0.1, None, "KeyError: 'x'"))
    write_records(tmp_path / "contexts.jsonl", contexts)
    samples, _ = run_arms(tmp_path, [RAG])
    assert [sample.correct for sample in samples.values()] == [1, 1, 1, 1, 1, 0]
    assert samples["rag", "q5"].error == "no context: KeyError: 'x'"


def test_arms_of_one_adapter_are_answered_together(tmp_path):
    second = Arm("bare-2", "bare-2", "none")
    _, opened = run_arms(tmp_path, [BARE, LORA, second])
    assert opened == [None, "one"]
