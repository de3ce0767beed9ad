import math
import random

import ir_measures
import numpy as np
import pytest

from eval.runs.trec import RankedChunk, ndcg, qrels_lines, read_qrels, read_run, recall, relevance, run_lines


def test_rankings_and_judgements_read_back(tmp_path):
    ranking = [RankedChunk("c:2", 0.1 + 0.2), RankedChunk("c:1", 1e-7)]
    (tmp_path / "run.trec").write_text(
        "\n".join(run_lines("rag:1f", "q1", ranking) + run_lines("graph", "q1", ranking[1:]))
    )
    assert read_run(tmp_path / "run.trec") == {("rag:1f", "q1"): ("c:2", "c:1"), ("graph", "q1"): ("c:1",)}
    (tmp_path / "qrels.trec").write_text("\n".join(qrels_lines({"q1": ["c:1", "c:3"], "q2": []})))
    assert read_qrels(tmp_path / "qrels.trec") == {"q1": ("c:1", "c:3")}
    assert read_run(tmp_path / "none") == read_qrels(tmp_path / "none") == {}


@pytest.mark.parametrize(
    "scores",
    [
        [0.0] * 50,
        [1.0] * 30 + [1.0 - 1e-15] * 30,
        [1e9] * 20 + [1e9 - 1] * 20,
        [math.inf, math.inf, 3.0, 3.0, -math.inf, math.nan, math.nan],
        [-1e-12 * number for number in range(40)],
        [0.1, 0.3, 0.2],  # a ranking is what its order says, whatever its scores
    ],
)
def test_written_scores_fall_strictly_as_float32_and_as_text(scores):
    lines = run_lines("rag", "q", [RankedChunk(f"c:{number}", score) for number, score in enumerate(scores)])
    written = [line.split(" ")[4] for line in lines]
    read = [float(np.float32(float(text))) for text in written]
    assert read == sorted(set(read), reverse=True)
    assert all(math.isfinite(score) for score in read)


def test_scores_that_fall_are_written_as_they_are():
    lines = run_lines("rag", "q", [RankedChunk("a", 12.5), RankedChunk("b", 0.1 + 0.2), RankedChunk("c", -3.0)])
    assert [line.split(" ")[4] for line in lines] == ["12.5", "0.3", "-3"]


def test_ndcg_is_that_of_ir_measures(tmp_path):
    draw = random.Random(5)
    for _ in range(20):
        chunks = [f"c:{n}" for n in range(12)]
        ranking = draw.sample(chunks, 8)
        gold = draw.sample(chunks, 3)
        lines = run_lines("rag", "q", [RankedChunk(chunk, 1 / rank) for rank, chunk in enumerate(ranking, 1)])
        (tmp_path / "run").write_text("\n".join(lines))
        (tmp_path / "qrels").write_text("\n".join(qrels_lines({"q": gold})))
        qrels = list(ir_measures.read_trec_qrels(str(tmp_path / "qrels")))
        run = list(ir_measures.read_trec_run(str(tmp_path / "run")))
        for depth in (2, 8):
            measure = ir_measures.nDCG @ depth
            theirs = ir_measures.calc_aggregate([measure], qrels, run)[measure]
            assert ndcg(ranking, set(gold), depth) == pytest.approx(theirs)


def test_recall_counts_documents_and_is_none_without_gold():
    owner = {"c:1": "d:1", "c:2": "d:1", "c:3": "d:2"}
    assert recall(["c:1", "c:2"], owner, ["d:1", "d:2"]) == 0.5
    assert recall([], owner, ["d:1"]) == 0.0
    assert recall(["c:1"], owner, []) is None


def test_relevance_is_the_share_of_gold_chunks():
    assert relevance(["c:1", "c:2", "c:3", "c:4"], {"c:2"}) == 0.25
    assert relevance([], {"c:2"}) == 0.0
