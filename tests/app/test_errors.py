"""What a person meets when something is wrong: one paragraph, the right exit code, and nothing half-written."""

import json
import sqlite3
from pathlib import Path

import pytest
import yaml

from tests.app.command import contents, graft
from tests.app.scripted import ANSWERER, ENCODER, EXTRACTOR, PLAINLY
from tests.eval.scripted import write_world
from tests.kg.scripted import read_by_rule
from tests.models.faulty_server import answer, serving, status

KEY = "sk-a-secret-key"


def index(*extra, extractor="none", workspace="kb", encoder=ENCODER):
    common = ("--workspace", workspace, "--encoder", encoder, "--extractor", str(extractor), *PLAINLY, "--quiet")
    return graft("index", "articles", *common, *extra)


def server_model(url, **settings):
    """YAML file of a model behind a server that is tried twice."""
    file = Path("model.yaml")
    values = {"backend": "openai", "base_url": url, "model": "small", "retries": 1, "timeout_s": 5, "parallel": 1}
    file.write_text(yaml.safe_dump({**values, **settings}))
    return file


def passages_read():
    with sqlite3.connect("kb/graph.sqlite") as database:
        (count,) = database.execute("SELECT count(*) FROM calls").fetchone()
    database.close()
    return count


@pytest.fixture
def knowledge_base(articles):
    assert index().code == 0
    return contents(Path("kb"))


# Documents that cannot be read


@pytest.mark.parametrize(
    ("name", "content"),
    [("notes.pdf", b"%PDF-1.4 nothing"), ("notes.txt", bytes(4096)), ("notes.md", b""), ("notes.jsonl", b"{")],
    ids=["broken pdf", "zeros", "nothing", "half a line"],
)
def test_a_document_that_cannot_be_read_is_named_and_nothing_is_made(name, content):
    Path("articles").mkdir()
    Path("articles", name).write_bytes(content)
    assert name in index().error(2)
    assert not Path("kb").exists()


def test_an_empty_folder_says_what_it_takes():
    Path("articles").mkdir()
    message = index().error(2)
    assert "articles" in message
    assert ".pdf" in message
    assert not Path("kb").exists()


def test_a_folder_of_other_files_says_what_it_takes():
    Path("articles").mkdir()
    Path("articles", "photo.png").write_bytes(b"png")
    message = index().error(2)
    assert ".png" in message
    assert ".md" in message
    assert not Path("kb").exists()


@pytest.mark.parametrize("option", [(), ("--dry-run",)])
def test_a_missing_folder_is_named(option):
    assert "articles does not exist" in index(*option).error(2)
    assert not Path("kb").exists()


def test_a_folder_that_vanished_leaves_the_workspace_as_it_was(articles, knowledge_base):
    articles.rename("elsewhere")
    index().error(2)
    assert contents(Path("kb")) == knowledge_base


def test_one_bad_document_among_good_ones_is_named_and_the_others_are_kept(articles):
    (articles / "broken.pdf").write_bytes(b"%PDF-1.4 nothing")
    done = index("--json")
    assert (done.code, done.json["documents"], done.json["failed"]) == (3, 3, 1)
    (line,) = done.err.splitlines()
    assert line.startswith("graft: broken.pdf failed in the stage load: ")
    assert [failure["item"] for failure in done.json["failures"]] == ["broken.pdf"]
    assert graft("search", "Lake Oune", "-w", "kb", "--json", "-q").json["passages"]


# Models that cannot be reached, or refuse


def test_a_wrong_key_is_exit_code_4_and_leaves_nothing(articles, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serving(status(401, "invalid key")) as server:
        message = index(extractor=server_model(server.url)).error(4)
        assert server.keys == [f"Bearer {KEY}"] * len(server.keys) != []
    assert "OPENAI_API_KEY" in message
    assert server.url in message
    assert KEY not in message
    assert not Path("kb").exists()


def test_a_missing_key_is_said_to_be_missing(articles):
    with serving(status(401)) as server:
        assert "is not set" in index(extractor=server_model(server.url, api_key_env="OPENAI_OTHER_KEY")).error(4)
    assert not Path("kb").exists()


def test_a_server_that_stays_overloaded_is_exit_code_4_after_the_retries(articles):
    with serving(status(503, "overloaded", {"retry-after": "0"})) as server:
        message = index(extractor=server_model(server.url)).error(4)
        assert len(server.seen) % 2 == 0
        assert server.seen
    assert "503" in message
    assert "overloaded" in message
    assert not Path("kb").exists()


def test_nobody_at_the_address_is_exit_code_4(articles):
    with serving(status(503)) as server:
        pass
    message = index(extractor=server_model(server.url, retries=0)).error(4)
    assert server.url in message
    assert not Path("kb").exists()


def test_a_model_that_the_server_does_not_know_is_exit_code_4_with_those_it_offers(articles):
    with serving(status(404, "no such model"), models=["large", "medium"]) as server:
        message = index(extractor=server_model(server.url)).error(4)
    assert "'small'" in message
    assert "large, medium" in message
    assert not Path("kb").exists()


def test_a_server_that_is_gone_later_keeps_what_was_paid_for(articles):
    for number in range(3):  # so many failures in a row are no fault of a passage
        (articles / f"d{number}.md").write_text(f"Bo Finch{number} sold Torsby{number} to Ada Lorne.")
    good = json.dumps(read_by_rule((articles / "a.md").read_text()))
    with serving(answer(good), status(503, headers={"retry-after": "0"})) as server:
        index(extractor=server_model(server.url, retries=0)).error(4)
        assert passages_read() == 1
        server.plays[:] = [answer(good)]
        asked = len(server.seen)
        done = index("--json", extractor="model.yaml")
        assert (done.code, done.json["failed"]) == (0, 0)
        assert len(server.seen) - asked == done.json["chunks"] - 1


def test_a_reader_that_refuses_is_exit_code_4_and_leaves_the_workspace_as_it_was(knowledge_base):
    with serving(status(401)) as server:
        message = graft("ask", "Lake Oune?", "-w", "kb", "-q", "--model", server_model(server.url)).error(4)
    assert "OPENAI_API_KEY" in message
    assert set(contents(Path("kb"))) == set(knowledge_base)
    with serving(answer('{"answer": "Oune", "citations": [1], "found": true}')) as server:
        assert graft("ask", "Lake Oune?", "-w", "kb", "-q", "--model", server_model(server.url)).code == 0


# Names that nobody knows


@pytest.mark.parametrize("override", [{"extractor": "qwen-9b"}, {"encoder": "maxilm"}, {"extractor": "minilm"}])
def test_an_unknown_or_unsuitable_model_is_exit_code_2(articles, override):
    assert next(iter(override.values())) in index(**override).error(2)
    assert not Path("kb").exists()


@pytest.mark.parametrize("override", [{"extractor": "no.such.module:Model"}, {"encoder": "tests.eval.scripted:Nobody"}])
def test_a_dotted_path_that_leads_nowhere_is_exit_code_2(articles, override):
    assert next(iter(override.values())) in index(**override).error(2)
    assert not Path("kb").exists()


def test_a_model_file_that_is_not_there_or_not_right_is_exit_code_2(articles):
    assert "model.yaml" in index(extractor="model.yaml").error(2)
    Path("model.yaml").write_text("backend: openai\nmodle: small\n")
    assert "modle" in index(extractor="model.yaml").error(2)
    assert not Path("kb").exists()


def test_weights_that_do_not_exist_are_exit_code_2(articles):
    Path("encoder.yaml").write_text("backend: sentence-transformers\nweights: ./no-such-folder\n")
    assert "no-such-folder" in index(encoder="encoder.yaml").error(2)
    assert not Path("kb").exists()


@pytest.mark.parametrize(
    "command",
    [
        ("search", "Lake Oune", "-q"), ("ask", "Lake Oune", "-q", "--model", ANSWERER), ("train", "-q"),
        ("export", "graph.graphml"), ("eval", "ls"),
    ],
    ids=lambda command: command[0],
)  # fmt: skip
def test_an_unknown_workspace_is_exit_code_2_and_is_not_made(command):
    message = graft(*command, "--workspace", "nowhere").error(2)
    assert "nowhere" in message
    assert "graft index" in message
    assert "--workspace DIR" in graft(*command).error(2)
    assert list(Path().iterdir()) == []


def test_of_several_workspaces_one_must_be_named(articles):
    for name in ("one", "two"):
        index(workspace=f"workspaces/{name}")
    message = graft("search", "Lake Oune", "-q").error(2)
    assert "workspaces/one, workspaces/two" in message


def test_an_unknown_retriever_is_exit_code_2_with_the_known_ones(knowledge_base):
    for command in (("search", "Lake Oune"), ("ask", "Lake Oune", "--model", ANSWERER)):
        message = graft(*command, "-w", "kb", "-q", "--retriever", "telepathy").error(2)
        assert "telepathy" in message
        assert "bm25, dense, rag, rerank, graph" in message
    assert set(contents(Path("kb"))) == set(knowledge_base)


def test_an_unknown_base_or_setting_of_training_is_exit_code_2(knowledge_base):
    assert "smolm" in graft("train", "-w", "kb", "-q", "--base", "smolm").error(2)
    assert "llamacpp" in graft("train", "-w", "kb", "-q", "--base", "qwen-1.5b").error(2)
    Path("train.yaml").write_text("epoch: 3\n")
    assert "epoch" in graft("train", "-w", "kb", "-q", "--config", "train.yaml").error(2)
    assert "missing.yaml" in graft("train", "-w", "kb", "-q", "--config", "missing.yaml").error(2)
    assert "a/b" in graft("train", "-w", "kb", "-q", "--name", "a/b").error(2)
    assert "a/b" in graft("train", "extractor", "kb", "-q", "--name", "a/b").error(2)
    assert "--epochs comes before" in graft("train", "--epochs", "2", "extractor", "kb", "-q").err
    assert set(contents(Path("kb"))) == set(knowledge_base)


def test_an_unknown_export_format_is_exit_code_2(knowledge_base):
    assert "graphml" in graft("export", "graph.doc", "-w", "kb", "--format", "doc").error(2)
    assert not Path("graph.doc").exists()


# Settings


def test_other_settings_than_the_workspace_s_are_exit_code_2(articles, knowledge_base):
    Path("index.yaml").write_text("chunk_tokens: 99\n")
    assert "chunk_tokens: 160, not 99" in index("--config", "index.yaml").error(2)
    assert contents(Path("kb")) == knowledge_base


@pytest.mark.parametrize("text", ["chunk_token: 99\n", "chunk_tokens: many\n", "chunk_tokens: [\n", "- 1\n"])
def test_wrong_index_settings_are_exit_code_2(articles, text):
    Path("index.yaml").write_text(text)
    assert "index.yaml" in index("--config", "index.yaml").error(2)
    assert not Path("kb").exists()


def test_an_empty_name_is_refused_before_it_is_written_down(articles):
    assert "extractor" in index(extractor="").error(2)
    assert not Path("kb").exists()


def test_python_callers_get_the_same_error_for_a_wrong_setting(articles):
    from app.api import index as build
    from models.errors import ConfigError

    with pytest.raises(ConfigError, match="chunk_tokens"):
        build("articles", "kb", extractor="none", encoder=ENCODER, chunk_tokens=1)


def test_a_folder_that_holds_something_else_is_left_alone(articles):
    Path("kb").mkdir()
    Path("kb", "diary.txt").write_text("Dear diary")
    assert "not a workspace" in index().error(1)
    assert [path.name for path in Path("kb").iterdir()] == ["diary.txt"]


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ("arms: [", "YAML"), ("arms: [telepathy]", "telepathy"), ("arms: [lora]", "train"),
        ("reeder: x", "reeder"), ("reader: qwen-9b", "qwen-9b"),
        ("documents: {path: nowhere}", "nowhere"), ("task: {format: jsonl, path: nothing.jsonl}", "nothing.jsonl"),
        ("index: {extractor: qwen-9b, encoder: minilm}", "qwen-9b"),
    ],
    ids=lambda text: text.split(":")[0],
)  # fmt: skip
def test_a_broken_experiment_is_exit_code_2_and_makes_no_workspace(tmp_path, change, names):
    file = write_world(tmp_path)
    if names == "YAML":
        file.write_text(change)
    else:
        file.write_text(yaml.safe_dump({**yaml.safe_load(file.read_text()), **yaml.safe_load(change)}))
    for option in ((), ("--dry-run",)):
        assert names in graft("eval", "run", file, "-w", "kb", "-q", *option).error(2)
    assert not Path("kb").exists()


def test_an_experiment_that_nobody_knows_is_exit_code_2_with_those_shipped():
    message = graft("eval", "run", "dmeo", "-q").error(2)
    assert "Unknown experiment 'dmeo'. Did you mean 'demo'?" in message
    assert "demo" in message
    assert "missing.yaml" in graft("eval", "run", "missing.yaml", "-q").error(2)


def test_an_experiment_whose_extractor_refuses_leaves_nothing(tmp_path):
    with serving(status(401)) as server:
        extractor = str(server_model(server.url).absolute())
        file = write_world(tmp_path, index={"extractor": extractor, "encoder": ENCODER, "chunk_tokens": 16})
        graft("eval", "run", file, "-w", "kb", "-q").error(4)
    assert not Path("kb").exists()


def test_a_folder_that_is_no_finished_run_is_exit_code_2(tmp_path):
    file = write_world(tmp_path)
    graft("eval", "run", file, "-w", "kb", "-q", "--max-calls", "2").error(5)
    (run,) = Path("kb", "runs").iterdir()
    assert run.name in graft("eval", "compare", run, run).error(2)
    assert "manifest.json" in graft("eval", "compare", "articles", "articles").error(2)
    assert graft("report", "nowhere").code == 2
    assert "manifest.json" in graft("report", "articles").error(2)
    assert run.name in graft("report", run).error(2)
    assert not (run / "report.html").exists()


# Budgets, and failed items


def test_a_budget_of_no_calls_is_exit_code_5_and_a_larger_one_resumes(articles):
    message = index("--max-calls", "0", extractor=EXTRACTOR).error(5)
    assert "--max-calls" in message
    assert index("--max-calls", "1", extractor=EXTRACTOR).error(5)
    assert passages_read() == 1
    done = index("--max-calls", "2", "--json", extractor=EXTRACTOR)
    assert (done.code, done.json["chunks"], passages_read()) == (0, 3, 3)
    assert index("--json", extractor=EXTRACTOR, workspace="complete").json["digest"] == done.json["digest"]


def test_a_question_over_budget_is_exit_code_5(knowledge_base):
    ask = ("ask", "Lake Oune?", "-w", "kb", "-q", "--model", ANSWERER)
    graft(*ask, "--max-calls", "0").error(5)
    assert graft(*ask, "--max-calls", "1").code == 0
    assert graft(*ask, "--max-calls", "0").code == 0  # on record: it costs nothing


def test_an_experiment_over_budget_is_exit_code_5_and_a_larger_one_resumes(tmp_path):
    run = ("eval", "run", write_world(tmp_path), "-w", "kb", "-q", "--json")
    graft(*run, "--max-calls", "0").error(5)
    graft(*run, "--max-calls", "5").error(5)
    done = graft(*run, "--max-calls", "7")
    assert (done.code, len(list(Path("kb", "runs").iterdir()))) == (0, 1)
    complete = graft("eval", "run", tmp_path / "experiment.yaml", "-w", "complete", "-q", "--json")
    assert complete.json["results_digest"] == done.json["results_digest"]


def test_a_failed_question_counts_as_wrong_and_is_exit_code_3(tmp_path):
    file = write_world(tmp_path, reader="tests.app.scripted:OneFails")
    done = graft("eval", "run", file, "-w", "kb", "-q", "--json")
    assert (done.code, done.json["n"], done.json["failed"]) == (3, 4, 3)
    assert {(arm["n"], arm["failed"]) for arm in done.json["arms"]} == {(4, 1)}


def test_an_import_without_its_facts_says_what_is_missing_and_keeps_nothing(articles):
    message = index(extractor="import").error(2)
    assert "--facts" in message
    assert not Path("kb").exists()


def test_weights_of_an_unknown_name_and_of_a_server_are_refused(monkeypatch):
    monkeypatch.setenv("OPENAI_MODEL", "small")
    assert "no-such-weights" in graft("models", "pull", "no-such-weights", "-q").error(2)
    assert "runs on a server" in graft("models", "pull", "openai", "-q").error(2)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"extractor": "nlpp"}, "Unknown extractor 'nlpp'. Did you mean 'nlp'?"),
        ({"extractor": "minilm"}, "Unknown extractor 'minilm'."),
        ({"extractor": "nlp", "facts": "facts.tsv"}, "Only the extractor 'import' reads a file of facts"),
    ],
)
def test_what_cannot_extract_is_refused_before_a_workspace_is_made(articles, options, said):
    Path("facts.tsv").write_text("Ada\tlives in\tLund\n")
    facts = ("--facts", options["facts"]) if "facts" in options else ()
    result = index(*facts, extractor=options["extractor"])
    assert result.code == 2
    assert said in result.err
    assert not Path("kb").exists()
