import pytest

from eval.runs.summary import SummaryRow, arm_results, comparisons, retrieval_results
from eval.types import Context, Item, Sample

ITEMS = [Item(f"q{n}", "?", ("a", "b"), 0, ("a",), kind) for n, kind in enumerate(["one", "one", "two", "two"])]


def samples(arm, correct, error_at=None):
    return {
        f"q{n}": Sample(arm, f"q{n}", "0", "0", float(c), {}, (), 10, 1, 0.5, 0.25, "x" if n == error_at else "")
        for n, c in enumerate(correct)
    }


def test_a_row_counts_planned_items_and_adds_up_cost():
    contexts = {
        ("rag", f"q{n}"): Context("rag", f"q{n}", "t", (), 1, 0.1, recall) for n, recall in enumerate([1, 0, None])
    }
    (arm,) = arm_results([SummaryRow("rag", "rag", (samples("rag", [1, 0, 1], error_at=1),))], ITEMS, contexts, seed=0)
    assert (arm.n, arm.failed, arm.accuracy) == (4, 1, 0.5)  # q3 has no sample: planned, so wrong
    assert arm.by_kind == {"one": (0.5, 2), "two": (0.5, 2)}
    assert arm.context_recall == 0.5
    assert (arm.tokens_in, arm.tokens_out, arm.cost_usd) == (30, 3, 0.75)
    assert arm.seconds == pytest.approx(3 * 0.5 + 3 * 0.1)
    assert arm.ci_low <= 0.5 <= arm.ci_high


def test_an_arm_of_several_seeds_is_the_mean_over_them():
    row = SummaryRow("lora", "none", (samples("lora#1", [1, 1, 0, 0]), samples("lora#2", [1, 0, 0, 0])))
    (arm,) = arm_results([row], ITEMS, {}, seed=0)
    assert (arm.n, arm.accuracy, arm.tokens_in) == (4, 0.375, 80)
    assert row.values(ITEMS).tolist() == [1.0, 0.5, 0.0, 0.0]


def test_comparisons_are_paired_and_corrected():
    rows = [
        SummaryRow("a", "none", (samples("a", [1, 1, 1, 0]),)),
        SummaryRow("b", "none", (samples("b", [0, 0, 1, 1]),)),
        SummaryRow("c", "none", (samples("c", [0, 0, 1, 1]),)),
    ]
    ab, bc = comparisons(rows, [("a", "b"), ("b", "c")], ITEMS, seed=0)
    assert (ab.difference, ab.wins, ab.losses, ab.p_value, ab.p_holm) == (0.25, 2, 1, 1.0, 1.0)
    assert (bc.difference, bc.ci_low, bc.ci_high, bc.p_value) == (0.0, 0.0, 0.0, 1.0)


def test_short_answer_metrics_are_means_over_all_planned_items():
    rows = {
        "q0": Sample("chat", "q0", "a", "a", 1.0, {"f1": 1.0}, (), 1, 1, 0.1),
        "q1": Sample("chat", "q1", "", "a", 0.0, {"f1": 0.0}, (), 0, 0, 0.1, error="x"),
    }
    (arm,) = arm_results([SummaryRow("chat", "none", (rows,))], ITEMS[:2], {}, seed=0)
    assert arm.metrics == {"f1": 0.5}


def test_retrieval_is_judged_where_there_is_gold():
    contexts = {
        ("rag", "q0"): Context("rag", "q0", "t", ("c:1", "c:2"), 10, 0.5, 1.0),
        ("rag", "q1"): Context("rag", "q1", "t", ("c:9",), 20, 0.5, 0.0),
        ("rag", "q2"): Context("rag", "q2", "t", ("c:1",), 30, 0.5, None),
    }
    rankings = {("rag", "q0"): ["c:1", "c:2"], ("rag", "q1"): ["c:9"]}
    (row,) = retrieval_results(contexts, rankings, {"q0": ["c:1"], "q1": ["c:3"]}, 2)
    assert (row.n, row.recall, row.all_recall, row.ndcg, row.relevance) == (2, 0.5, 0.5, 0.5, 0.25)
    assert (row.tokens, row.seconds) == (20.0, 1.5)
    (bare,) = retrieval_results(contexts, {}, {}, 2)
    assert (bare.n, bare.recall, bare.ndcg) == (0, None, None)
