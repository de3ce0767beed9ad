import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from eval.extraction.document_graph import DocumentFact
from eval.mine.fact_judge import FactJudge, shipped_judge
from eval.mine.files import Essay, StoredGraph, graphs_of, read_essays, read_graphs
from eval.mine.fit_judge import collect_judgments, fit_judge, report
from eval.mine.measure import measure_graphs, relations_of, stored_share
from eval.statistics.agreement import agreement
from models.errors import InputError
from tests.kg.scripted import LetterEncoder

MINE = Path(__file__).parents[4] / "shared" / "data" / "mine"
MILL = Essay(
    "Mills", "Ada Lorne founded a mill. The mill grinds rye.", ("Lorne founded a mill.", "The mill grinds rye.")
)
LAKE = Essay("Lakes", "Lake Varn freezes in winter.", ("Lake Varn freezes.", "It freezes in winter."))
MILL_GRAPH = (("Lorne", "founded", "a mill"), ("The mill", "grinds", "rye"))
JUDGE = FactJudge((0.0, 0.0, 10.0, 0.0), -8.0, 0.5)
"""Asks for all words of a fact but a fifth."""


def write_zip(path, **files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(f"peer/{name}.json", json.dumps(content))
    return path


def graph(*relations):
    return {"entities": [], "relations": relations, "edges": []}


def judgments(essay, *kept):
    rows = [
        {"correct_answer": f, "retrieved_context": "", "evaluation": k} for f, k in zip(essay.facts, kept, strict=True)
    ]
    return [*rows, {"accuracy": "50 %"}]


def test_essays_and_facts_are_paired(tmp_path):
    (tmp_path / "essays.json").write_text(json.dumps([{"topic": "Mills", "content": "```A mill.\n```"}]))
    (tmp_path / "facts.json").write_text(json.dumps([[{"answer": "It is a mill. "}]]))
    (tmp_path / "more.json").write_text(json.dumps([["a"], ["b"]]))
    assert read_essays(tmp_path / "essays.json", tmp_path / "facts.json") == [
        Essay("Mills", "A mill.", ("It is a mill.",))
    ]
    with pytest.raises(InputError, match=r"1 essays, .* facts of 2"):
        read_essays(tmp_path / "essays.json", tmp_path / "more.json")
    with pytest.raises(InputError, match="another form than MINE's"):
        read_essays(tmp_path / "facts.json", tmp_path / "more.json")


def test_graphs_are_matched_with_essays_by_facts_not_by_number(tmp_path):
    path = write_zip(
        tmp_path / "results_Peer.zip",
        **{"7": graph(*MILL_GRAPH), "7_resultsX": judgments(MILL, 1, 0), "9": graph(("a", "b", "c"))},
    )
    found = graphs_of([LAKE, MILL], read_graphs(path))
    assert found == [None, StoredGraph(MILL_GRAPH, MILL.facts, (True, False))]
    assert stored_share([LAKE, MILL], found) == 0.5
    assert stored_share([LAKE], [None]) is None


def test_of_two_graphs_for_the_same_facts_the_one_about_the_essay_is_taken():
    astray = StoredGraph((("volcano", "erupted", "yesterday"),), MILL.facts, (False, False))
    right = StoredGraph(MILL_GRAPH, MILL.facts, (True, True))
    assert graphs_of([MILL], [astray, right]) == graphs_of([MILL], [right, astray]) == [right]


def test_a_zip_without_graphs_or_no_zip_is_an_error(tmp_path):
    with pytest.raises(InputError, match="holds no graph"):
        read_graphs(write_zip(tmp_path / "a.zip", readme={}))
    with pytest.raises(InputError, match=r"1\.json is no graph"):
        read_graphs(write_zip(tmp_path / "b.zip", **{"1": {"nodes": []}}))
    (tmp_path / "c.zip").write_text("no zip")
    with pytest.raises(InputError, match="as a zip of graphs"):
        read_graphs(tmp_path / "c.zip")


def test_the_share_is_over_all_essays_and_a_failed_one_keeps_nothing():
    row = measure_graphs("ours", [MILL, LAKE], [MILL_GRAPH, ()], JUDGE, LetterEncoder())
    assert (row.kept, row.n, row.essays, row.relations) == (0.5, 4, 2, 1.0)
    assert (row.ci_low, row.ci_high) == (0.0, 1.0)


def test_an_essay_that_a_peer_was_not_given_is_left_out():
    row = measure_graphs("peer", [MILL, LAKE], [MILL_GRAPH, None], JUDGE, LetterEncoder())
    assert (row.kept, row.n, row.essays) == (1.0, 2, 1)


def test_a_graph_is_its_relations_in_the_documents_own_words():
    facts = [DocumentFact(("Lorne", "Ada"), ("founded", "set up"), ("mill",))]
    assert relations_of(facts) == [("Lorne", "founded", "mill"), ("Lorne", "set up", "mill")]


def test_a_fit_finds_the_decisive_feature_and_keeps_the_same_share():
    generator = np.random.default_rng(0)
    features = generator.random((400, 4))
    kept = features[:, 2] > 0.7
    judge = fit_judge(features, kept)
    said = agreement(kept, judge.kept(features), judge.probabilities(features))
    assert said.auc > 0.99
    assert abs(said.judged - said.stored) <= 0.005
    assert abs(judge.weights[2]) > 10 * max(map(abs, (judge.weights[0], judge.weights[1], judge.weights[3])))


def test_agreement_by_chance_is_no_agreement():
    stored, judged = np.array([True, True, False, False]), np.array([True, False, True, False])
    said = agreement(stored, judged, np.array([0.9, 0.1, 0.9, 0.1]))
    assert (said.accuracy, said.kappa, said.auc) == (0.5, 0.0, 0.5)


def test_the_report_separates_given_essays_from_unseen_ones():
    essays = [
        Essay(f"{n}", "", (f"Lorne founded mill{n}x.", f"Varga sold boat{n}y.")) for n in range(20)
    ]  # fmt: skip
    graphs = [
        StoredGraph((("Lorne", "founded", f"mill{n}x"), ("fish", "swim", "home")), essay.facts, (True, False))
        for n, essay in enumerate(essays)
    ]
    found = report(collect_judgments(essays[:15], {"A": graphs[:10], "B": graphs[10:]}, LetterEncoder()))["agreement"]
    assert found["out_of_fold"]["all"]["n"] == 30
    assert found["unseen_essays"]["all"]["n"] == 10
    assert found["out_of_fold"]["all"]["accuracy"] == found["unseen_essays"]["all"]["accuracy"] == 1.0
    assert found["kept_of_another_essay"] == {"A": 0.0, "B": 0.0}
    assert found["kept"] == {"A": 0.5, "B": 0.5}
    assert found["kept_with_objects_shuffled"].keys() == {"A", "B"}
    assert found["peer_left_out"]["A"]["judged"] == 0.5


@pytest.mark.models
@pytest.mark.shared_data
@pytest.mark.skipif(not MINE.is_dir(), reason="needs the development data in ../shared/data")
def test_the_shipped_judge_agrees_with_published_judgments():
    from models.factory import open_encoder

    essays = read_essays(MINE / "essays_first50.json", MINE / "facts_first50.json")[:12]
    found = graphs_of(essays, read_graphs(MINE / "results_GraphRAG.zip"))
    row = measure_graphs(
        "GraphRAG", essays, [graph and graph.relations for graph in found], shipped_judge(), open_encoder("minilm")
    )
    assert row.essays == 12
    assert abs(row.kept - stored_share(essays, found)) < 0.12
