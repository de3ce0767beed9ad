import json
import sqlite3
from pathlib import Path

import networkx as nx
import pytest

from kg.schema import Chunk, Entity, Fact
from kg.workspace import Workspace
from tests.app.command import contents, graft
from tests.app.scripted import ANSWERER, ENCODER, EXTRACTOR, NEVER, PLAINLY
from tests.eval.scripted import write_world
from tests.kg.scripted import write_sources

COUNTS = ("documents", "chunks", "entities", "facts", "communities", "failed")


def index(*extra: str, extractor: str = "none"):
    write_sources(Path("articles")) if not Path("articles").exists() else None
    common = ("--workspace", "kb", "--encoder", ENCODER, "--extractor", extractor, *PLAINLY, "--json", "--quiet")
    return graft("index", "articles", *common, *extra)


def rows(kind):
    with Workspace.open(Path("kb")) as workspace:
        return {row.id: row for row in workspace.store.read(kind)}


def calls():
    with sqlite3.connect("kb/graph.sqlite") as database:
        (count,) = database.execute("SELECT count(*) FROM calls").fetchone()
    database.close()
    return count


def evaluate(folder, *extra, **changes):
    return graft("eval", "run", write_world(folder, **changes), "--workspace", folder / "kb", "--quiet", *extra)


def test_index_prints_counts_and_cost():
    done = index()
    assert (done.code, done.err) == (0, "")
    document = done.json
    assert {name: document[name] for name in COUNTS} == {
        "documents": 3, "chunks": 3, "entities": 0, "facts": 0, "communities": 0, "failed": 0,
    }  # fmt: skip
    assert len(document["digest"]) == 32
    assert (document["tokens_in"], document["tokens_out"]) == (0, 0)
    assert document["seconds"] > 0
    assert document["workspace"] == "kb"


def test_indexing_again_changes_nothing_and_calls_no_model():
    first = index(extractor=EXTRACTOR).json
    asked = calls()
    assert asked == first["chunks"] > 0
    assert first["facts"] > 0
    assert min(first["tokens_in"], first["tokens_out"]) > 0
    again = index(extractor=EXTRACTOR).json
    assert again["digest"] == first["digest"]
    assert again["spent"]["tokens_in"] == 0
    assert calls() == asked


def test_settings_left_out_are_the_workspace_s_own():
    first = index(extractor=EXTRACTOR).json
    again = graft("index", "articles", "-w", "kb", "--json", "-q")
    assert again.json["digest"] == first["digest"]


def test_a_table_is_for_people_and_progress_goes_to_stderr():
    write_sources(Path("articles"))
    done = graft("index", "articles", "-w", "kb", "--encoder", ENCODER, "--extractor", "none")
    assert done.code == 0
    assert "documents" in done.out
    assert "read documents · 3/3 sources · done in" in done.err


@pytest.mark.parametrize("retriever", ["bm25", "dense", "rag", "graph"])
def test_search_finds_passages_with_their_sources(retriever):
    index(extractor=EXTRACTOR)
    arguments = ("--retriever", retriever, "-k", "2", "--json", "-q", "-w", "kb")
    document = graft("search", "Who founded Marrow & Finch?", *arguments).json
    assert document["retriever"] == retriever
    first, *rest = document["passages"]
    assert len(rest) <= 1
    assert (first["source"], first["text"]) == ("a.md", rows(Chunk)[first["chunk_id"]].text)
    assert {fact["fact_id"] for fact in document["facts"]} <= set(rows(Fact))
    assert bool(document["facts"]) == (retriever == "graph")


def test_the_only_workspace_is_found_without_being_named(monkeypatch, tmp_path):
    index()
    monkeypatch.chdir(tmp_path / "kb")
    assert graft("search", "Lake Oune", "--json", "-q").json["passages"]


def test_an_answer_cites_passages_of_the_workspace():
    index(extractor=EXTRACTOR)
    done = graft("ask", "Who founded Marrow & Finch?", "--model", ANSWERER, "--json", "-q", "-w", "kb")
    document = done.json
    assert (done.code, document["abstained"], document["dropped_citations"]) == (0, False, 1)
    (citation,) = document["citations"]
    chunk = rows(Chunk)[citation["chunk_id"]]
    assert citation["quote"]
    assert citation["quote"] in chunk.text
    assert (document["usage"]["tokens_in"], document["seconds"]) == (50, 0.25)
    shown = graft("ask", "Who founded Marrow & Finch?", "--model", ANSWERER, "-q", "-w", "kb").out
    assert f"[{citation['number']}] {citation['source']}: {citation['quote']}" in shown


def test_a_long_answer_cites_each_sentence_and_drops_what_no_line_supports():
    index(extractor=EXTRACTOR)
    ask = ("ask", "Who founded Marrow & Finch?", "--long", "--model", ANSWERER, "-q", "-w", "kb")
    document = graft(*ask, "--json").json
    assert (len(document["claims"]), document["unsupported"]) == (1, 1)
    (citation,) = document["claims"][0]["citations"]
    assert citation["quote"] in rows(Chunk)[citation["chunk_id"]].text
    shown = graft(*ask).out
    assert (
        f"[{citation['number']}] {citation['source']}: " in shown
        and "Sentences dropped because no line of the evidence supports them: 1" in shown
    )


def test_an_answer_that_is_not_sure_enough_is_withheld():
    index(extractor=EXTRACTOR)
    ask = ("ask", "Who founded Marrow & Finch?", "--model", ANSWERER, "-q", "-w", "kb", "--threshold", "1")
    document = graft(*ask, "--json").json
    assert document["abstained"] and document["withheld"] and 0 < document["confidence"] < 1
    assert "Withheld: the evidence probably does not contain the answer" in graft(*ask).out
    assert "Expected --threshold or --long, got both." in graft(*ask, "--long").error(2)


def test_a_search_is_limited_by_time_and_type():
    index(extractor=EXTRACTOR)
    search = ("search", "Who founded Marrow & Finch?", "-w", "kb", "-q")
    assert graft(*search, "--after", "2990", "--json").json["passages"] == []
    assert "Expected a date" in graft(*search, "--before", "someday").error(2)
    assert "Unknown entity type 'ghost'" in graft(*search, "--type", "ghost").error(2)


def test_a_missing_answer_is_reported():
    index()
    ask = ("ask", "Who burnt the mill?", "--model", "tests.app.scripted:Abstainer", "-q", "-w", "kb")
    assert graft(*ask, "--json").json["abstained"]
    assert graft(*ask).out.startswith("Not found")


def test_a_question_may_come_from_stdin(monkeypatch):
    import io

    index()
    monkeypatch.setattr("sys.stdin", io.StringIO("Who founded Marrow & Finch?\n"))
    assert graft("search", "-", "-w", "kb", "--json", "-q").json["passages"][0]["source"] == "a.md"


def test_graphml_holds_every_entity_and_fact():
    summary = index(extractor=EXTRACTOR).json
    done = graft("export", "graph.graphml", "-w", "kb", "--json").json
    assert (done["digest"], done["bytes"]) == (summary["digest"], Path("graph.graphml").stat().st_size)
    found = nx.read_graphml("graph.graphml", force_multigraph=True)
    assert (found.number_of_nodes(), found.number_of_edges()) == (summary["entities"], summary["facts"])
    assert set(found.nodes) == set(rows(Entity))


def test_json_lines_hold_every_row():
    summary = index(extractor=EXTRACTOR).json
    graft("export", "out/graph.jsonl", "-w", "kb", "--format", "jsonl")
    kinds = [json.loads(line)["row"] for line in Path("out/graph.jsonl").read_text().splitlines()]
    counted = {"documents": "Document", "chunks": "Chunk", "entities": "Entity", "facts": "Fact"}
    assert {name: kinds.count(kind) for name, kind in counted.items()} == {name: summary[name] for name in counted}


def test_a_dry_run_of_index_opens_no_model_and_creates_nothing():
    write_sources(Path("articles"))
    before = contents(Path())
    common = ("--encoder", NEVER, "--extractor", NEVER, "--dry-run", "-w", "kb")
    plan = graft("index", "articles", *common, "--json").json
    assert (plan["documents"], plan["passages"], plan["calls"]) == (3, 3, 3)
    assert plan["tokens_in"] > 0
    assert plan["seconds"] > 0
    assert graft("index", "articles", *common).code == 0
    assert contents(Path()) == before
    assert not Path("kb").exists()


def test_a_dry_run_of_an_experiment_opens_no_model_and_creates_nothing(tmp_path):
    changes = {"reader": NEVER, "index": {"extractor": NEVER, "encoder": NEVER, "chunk_tokens": 16}}
    write_world(tmp_path, **changes)
    before = contents(tmp_path)
    plan = evaluate(tmp_path, "--dry-run", "--json", **changes).json
    stages = {stage["name"]: stage["calls"] for stage in plan["stages"]}
    assert stages["extract"] == plan["passages"] > 0
    assert [stages[f"answer: {arm}"] for arm in ("closed-book", "oracle", "rag")] == [4, 4, 4]
    assert plan["total"]["tokens_in"] > 0
    assert evaluate(tmp_path, "--dry-run", **changes).code == 0
    assert contents(tmp_path) == before
    assert not (tmp_path / "kb").exists()


def test_a_finished_index_costs_nothing_more():
    index(extractor=EXTRACTOR)
    assert index("--dry-run", extractor=EXTRACTOR).json["calls"] == 0


def test_an_experiment_runs_and_is_listed_compared_and_reported(tmp_path):
    document = evaluate(tmp_path, "--json").json
    run = tmp_path / "kb" / "runs" / document["run"]
    assert {arm["name"]: arm["accuracy"] for arm in document["arms"]} == {
        "closed-book": 0.5,
        "oracle": 0.75,
        "rag": 0.75,
    }
    assert Path(document["report"]) == run / "report.html"
    again = evaluate(tmp_path, "--json")
    assert (again.code, again.json["results_digest"]) == (0, document["results_digest"])
    (listed,) = graft("eval", "ls", "-w", tmp_path / "kb", "--json").json["runs"]
    assert (listed["run"], listed["path"], bool(listed["finished"])) == (document["run"], str(run), True)
    assert document["run"] in graft("eval", "ls", "-w", tmp_path / "kb").out
    other = evaluate(tmp_path, "--json", passages=1).json["run"]
    compared = graft("eval", "compare", run, run.with_name(other), "--json").json
    assert [row["a"].rpartition(":")[2] for row in compared["comparisons"]] == ["closed-book", "oracle", "rag"]
    assert all(-1 <= row["difference"] <= 1 for row in compared["comparisons"])
    report = run / "report.html"
    before = report.read_text()
    report.unlink()
    assert graft("report", run, "--json").json["report"] == str(report)
    assert report.read_text() == before
    assert all(arm["name"] in before for arm in document["arms"])


def test_the_table_of_an_experiment_holds_arms_and_example_questions(tmp_path):
    done = evaluate(tmp_path, "--examples", "1")
    assert done.code == 0
    for text in ("closed-book", "0.750", "oracle − closed-book", "Example 1", "Report: "):
        assert text in done.out


def test_the_doctor_looks_at_everything_and_its_code_says_what_it_found():
    done = graft("doctor", "--json")
    checks = {check["name"]: check for check in done.json["checks"]}
    assert {"python", "cores", "disk", "torch", "graspologic-native", "all-minilm-l6-v2"} <= set(checks)
    assert checks["torch"]["ok"]
    assert done.json["ok"] == all(check["ok"] for check in checks.values())
    assert done.code == (0 if done.json["ok"] else 1)


def test_models_are_listed_with_their_licences(monkeypatch, tmp_path):
    monkeypatch.setenv("GRAFT_CACHE", str(tmp_path / "cache"))
    document = graft("models", "ls", "--json").json
    weights = {row["name"]: row for row in document["weights"]}
    assert not weights["smollm2-135m-instruct"]["present"]
    assert all(row["licence"] for row in weights.values())
    models = {row["name"]: row for row in document["models"]}
    assert models["qwen-1.5b"] == {"name": "qwen-1.5b", "backend": "llamacpp", "runs": "qwen2.5-coder-1.5b-instruct"}
    assert "OPENAI_MODEL" in models["openai"]["runs"]
