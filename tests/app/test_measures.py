import json
from pathlib import Path

import pytest

from tests.app.command import graft
from tests.app.scripted import ENCODER, EXTRACTOR, PLAINLY
from tests.eval.beir_folder import write_folder

pytestmark = pytest.mark.models
ROWS = [
    {"text": "Ada Lorne founded Oune Mills.", "triples": [["Ada Lorne", "founded", "Oune Mills"]]},
    {"text": "Ines Varga lives by Lake Oune.", "triples": [["Ines Varga", "lives by", "Torsby"]]},
    {"title": "Lost", "text": "  ", "triples": [["A", "b", "C"]]},
]


@pytest.fixture
def settings():
    return (*PLAINLY, "--quiet", "--workspace", "measured")


def test_extraction_prints_scores_cost_and_every_document(settings):
    Path("gold.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    done = graft("eval", "extraction", "gold.jsonl", "--format", "jsonl", "--json", *settings)
    document = done.json
    assert done.code == 3  # one document failed, and counts
    assert (document["n"], document["failed_documents"], document["chunks_read"]) == (3, 1, 2)
    triples = document["measures"]["triples"]
    assert triples["precision"]["mean"] == 0.5
    assert triples["recall"]["mean"] == pytest.approx(1 / 3)
    assert [row["triples"]["correct"] for row in document["documents"]] == [1, 0, 0]
    assert document["tokens_in_per_corpus_token"] > 0
    again = graft("eval", "extraction", "gold.jsonl", "--format", "jsonl", *settings)
    assert "pairs_among_gold" in again.out
    assert "triples_in_order" in again.out


def test_mine_prints_ours_first_and_then_the_peers(settings):
    from tests.eval.mine.test_measure import LAKE, MILL, graph, judgments, write_zip

    essays = [{"topic": essay.topic, "content": essay.text} for essay in (MILL, LAKE)]
    Path("essays.json").write_text(json.dumps(essays))
    facts = []
    for essay in (MILL, LAKE):
        facts.append([{"answer": fact} for fact in essay.facts])
    Path("facts.json").write_text(json.dumps(facts))
    for name in ("A", "B"):
        relations = graph(("Lorne", "founded", "a mill"), ("The mill", "grinds", "rye"))
        write_zip(Path(f"results_{name}.zip"), **{"4": relations, "4_results": judgments(MILL, 1, 1)})
    asked = ("eval", "mine", "--essays", "essays.json", "--facts", "facts.json")
    peers = ("--graphs", "results_A.zip", "results_B.zip")
    document = graft(*asked, *settings, "--json", *peers).json
    ours, one, other = document["systems"]
    assert ours["name"] == f"graft ({EXTRACTOR})"
    assert (ours["n"], ours["essays"]) == (4, 2)
    assert [(row["name"], row["n"], row["kept"], row["stored"]) for row in (one, other)] == [
        ("A", 2, 1.0, 1.0), ("B", 2, 1.0, 1.0),
    ]  # fmt: skip
    assert {"kept", "ci_low", "ci_high"} <= ours.keys()
    assert "A has graphs of 1 of 2 essays" in document["remarks"][0]
    table = graft(*asked, "--extractor", "none", *peers)
    assert table.code == 0
    assert "graft (" not in table.out
    assert "A " in table.out


def test_a_zip_of_other_essays_is_refused(settings):
    from tests.eval.mine.test_measure import LAKE, MILL, graph, judgments, write_zip

    Path("essays.json").write_text(json.dumps([{"topic": LAKE.topic, "content": LAKE.text}]))
    Path("facts.json").write_text(json.dumps([list(LAKE.facts)]))
    write_zip(Path("peer.zip"), **{"1": graph(("a", "b", "c")), "1_results": judgments(MILL, 1, 0)})
    asked = ("eval", "mine", "--essays", "essays.json", "--facts", "facts.json", "--extractor", "none")
    assert "has no graph of any of the essays" in graft(*asked, "--graphs", "peer.zip").error(2)


def test_retrievers_are_measured_on_a_folder_in_beirs_form(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "little")
    asked = ("eval", "retrieval", folder, "-r", "dense", "-r", "graph", "--encoder", ENCODER, "-q")
    found = graft(*asked, "--runs", "runs", "--json").json
    assert (found["name"], found["passages"], found["entities"], found["facts"]) == ("little", 4, 4, 3)
    assert found["queries"] == {"read": 3, "measured": 2, "without_gold": 1, "beyond_limit": 0}
    assert found["judgements"] == {
        "read": 4, "used": 4, "repeated": 0, "unknown_queries": 0, "unknown_passages": 0,
    }  # fmt: skip
    assert [row["retriever"] for row in found["retrievers"]] == ["dense", "graph"]
    assert found["retrievers"][0]["metrics"]["recall@20"]["mean"] == 1.0
    assert set(found["differences"]["dense"]) == {"graph"}
    assert {path.name for path in Path("runs").iterdir()} == {"dense.trec", "graph.trec"}
    assert Path("runs/dense.trec").read_text().startswith("q1 Q0 p")
    assert "graph − dense" in graft(*asked, "--limit", "1").out
    assert "dense − graph" in graft(*asked, "--against", "graph", "--set", "graph.hops.beam=2").out
    assert "beam" in graft(*asked, "--set", "graph.hops.beam=0").error(2)
    assert "Unknown measured retriever 'ppr'. Expected one of: " in graft(*asked, "--against", "ppr").error(2)
    assert "ppr" in graft("eval", "retrieval", folder, "-r", "nothing", "--encoder", ENCODER).error(2)
    with (folder / "qrels" / "test.tsv").open("a") as lines:
        lines.write("q2\tnowhere\t1\nnobody\tp1\t1\n")
    dangling = graft(*asked, "--json")
    assert "1 judgement is on a passage that is not in the corpus" in dangling.err
    assert "1 judgement is on a query that is not in queries.jsonl" in dangling.err
    assert dangling.json["retrievers"][0]["metrics"]["recall@20"]["mean"] == 0.75
    (folder / "corpus.jsonl").unlink()
    assert "BEIR" in graft(*asked).error(2)


def test_passages_that_the_encoder_reads_in_part_are_told(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "little")
    lines = [json.loads(line) for line in (folder / "corpus.jsonl").read_text().splitlines()]
    for line in lines:
        line["text"] += " 시장은 강 위에 새 다리를 놓았고 사람들이 그 위를 걸었다." * 3
    (folder / "corpus.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    asked = ("eval", "retrieval", folder, "-r", "dense", "--encoder", "tests.kg.windows:PieceEncoder", "-q", "--json")
    done = graft(*asked)
    (notice,) = done.err.splitlines()
    assert notice.startswith("graft: letters reads ") and "of the text of 4 Korean passages: 4 are longer" in notice
    assert done.json["notices"] == [notice.removeprefix("graft: ")]
    read = done.json["encoder_read"]["ko"]
    assert (read["passages"], read["cut"]) == (4, 4) and 0 < read["share"] < 1
