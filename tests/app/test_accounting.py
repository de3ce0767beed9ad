"""Nothing is lost without its name: files, rows, facts; in the table, in JSON and on stderr, now and in later runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.app.command import Outcome, graft
from tests.app.scripted import ANSWERER, ENCODER, PLAINLY
from tests.eval.scripted import write_world

POLISH = "Żółw płynął przez jezioro, a rybak śpiewał cicho pieśń o starej łodzi."


def index(folder: str = "corpus", *extra: str, extractor: str = "none", workspace: str = "kb") -> Outcome:
    common = ("-w", workspace, "--encoder", ENCODER, "--extractor", extractor, *PLAINLY, "-q")
    return graft("index", folder, *common, *extra)


def write(name: str, content: str | bytes = "The mill stands by the lake.") -> Path:
    path = Path("corpus", name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def sums(document: dict[str, Any]) -> None:
    """Check that every kind of item adds up."""
    for numbers in document["counts"].values():
        assert numbers["total"] == numbers["done"] + numbers["failed"] + numbers["skipped"]


def reasons(items: list[dict[str, str]]) -> dict[str, str]:
    return {item["item"]: item["reason"] for item in items}


@pytest.fixture
def corpus() -> None:
    """A folder with something of everything that is not read."""
    write("good.md")
    write("rows.csv", "id,text\n1,The bell rang.\n2\n")
    write("deep/.cache/a.txt")
    write(".hidden.txt")
    write("deep/photo.psd")
    write("LICENSE")
    write("empty.txt", "")
    Path("elsewhere").mkdir()
    Path("elsewhere", "far.txt").write_text("Far away.")
    Path("corpus/deep/linked").symlink_to(Path("elsewhere").absolute())
    Path("corpus/gone.txt").symlink_to("nowhere")


def test_every_file_of_a_folder_has_its_entry(corpus: None) -> None:
    done = index("corpus", "--json")
    document = done.json
    sums(document)
    assert document["counts"]["files"] == {"total": 9, "done": 1, "failed": 3, "skipped": 5}
    assert document["counts"]["rows"] == {"total": 2, "done": 1, "failed": 1, "skipped": 0}
    assert reasons(document["failures"]).keys() == {"rows.csv", "empty.txt", "gone.txt"}
    skipped = reasons(document["skips"])
    assert skipped.keys() == {".hidden.txt", "deep/.cache", "deep/photo.psd", "deep/linked", "LICENSE"}
    assert "elsewhere" in skipped["deep/linked"]
    assert (document["failed"], document["skipped"]) == (3, 5)
    assert done.code == 3


def test_the_table_counts_and_stderr_names(corpus: None) -> None:
    done = index()
    assert "Files: 9 = 1 done + 3 failed + 5 skipped. Rows: 2 = 1 done + 1 failed + 0 skipped." in done.out
    for name in ("rows.csv", "empty.txt", "gone.txt", "deep/photo.psd", "deep/linked", "LICENSE"):
        assert f"graft: {name} " in done.err
    assert ".hidden.txt" not in done.err  # everybody expects it; --json has it


def test_many_skipped_files_are_a_short_list() -> None:
    write("good.md")
    for number in range(14):
        write(f"{number:02}.psd")
    done = index()
    assert done.err.count("was skipped") == 10
    assert "4 more items were skipped; --json lists all of them." in done.err
    assert len(index("corpus", "--json").json["skips"]) == 14


def test_a_dry_run_counts_as_the_run_does(corpus: None) -> None:
    planned = index("corpus", "--dry-run", "--json").json
    done = index("corpus", "--json").json
    for name in ("failures", "skips"):
        assert planned[name] == done[name]
    assert planned["counts"]["files"] == done["counts"]["files"]
    assert "Files: 9" in index("corpus", "--dry-run").out


def test_a_schema_names_the_files_that_its_sample_cannot_come_from(corpus: None) -> None:
    done = graft("schema", "corpus", "--extractor", "tests.kg.scripted:ScriptedChat", "--json", "-q")
    assert reasons(done.json["skips"]).keys() == reasons(index("corpus", "--json").json["skips"]).keys()
    assert "rows.csv failed" in done.err


def test_an_update_counts_the_files_it_was_given_and_tells_what_stays(corpus: None) -> None:
    index()
    write("new.csv", "text\nOne.\n")
    write("new.psd")
    document = graft("update", "corpus/new.csv", "corpus/new.psd", "-w", "kb", "-q", "--json").json
    sums(document)
    assert document["counts"]["files"] == {"total": 2, "done": 1, "failed": 0, "skipped": 1}
    assert document["added"] == ["new.csv"]
    assert {"new.psd", "deep/photo.psd", "LICENSE"} <= reasons(document["skips"]).keys()
    assert "empty.txt" in reasons(document["failures"])
    assert "new.psd" in graft("update", "corpus/new.psd", "-w", "kb", "-q").error(2)
    planned = graft("update", "corpus", "-w", "kb", "-q", "--json", "--dry-run").json
    assert planned["counts"]["files"]["total"] == 11


def test_what_was_said_of_a_file_is_said_again() -> None:
    write("joined.csv", 'id,text\n10,"first\n11,second"\n')
    write("good.md")
    first = index("corpus", "--json").json
    assert "look like several" in reasons(first["notices"])["joined.csv"]
    again = index("corpus")
    assert "look like several" in again.err
    write("more.md", "More.")
    later = graft("update", "corpus/more.md", "-w", "kb", "-q", "--json").json
    assert reasons(later["notices"]) == reasons(first["notices"])
    assert graft("delete", "joined.csv", "-w", "kb", "-q", "--json").json["notices"] == []


@pytest.mark.parametrize("name", ["a.psd", "a", "a.bak", "a.zip", "a.exe"])
def test_a_file_of_an_unknown_type_alone_leaves_no_workspace(name: str) -> None:
    write(name)
    assert "Expected one of: .txt" in index(f"corpus/{name}").error(2)
    assert not Path("kb").exists()


# Encodings.


def test_an_encoding_is_a_setting_of_the_workspace() -> None:
    write("a.txt", POLISH.encode("iso8859-2"))
    write("b.csv", f'id,text\n1,"{POLISH}"\n'.encode("iso8859-2"))
    index("corpus", "--encoding", "latin2")
    assert "encoding: iso8859-2" in Path("kb/graft.yaml").read_text()
    write("c.txt", POLISH.encode("iso8859-2"))
    graft("update", "corpus/c.txt", "-w", "kb", "-q", "--encoding", "ISO-8859-2")
    found = graft("search", "rybak śpiewał", "-w", "kb", "-q", "--json", "--retriever", "bm25").json["passages"]
    assert {passage["source"]: passage["text"] for passage in found} == dict.fromkeys(
        ("a.txt", "b.csv#1", "c.txt"), POLISH
    )
    updated = graft("update", "corpus", "-w", "kb", "-q", "--json").json
    assert index("corpus", "--encoding", "latin2", "--json").json["digest"] == updated["digest"]
    assert "reads its files in the encoding iso8859-2" in graft(
        "update", "corpus/c.txt", "-w", "kb", "--encoding", "cp1250", "-q"
    ).error(2)


@pytest.mark.parametrize("name", ["latin99", "base64", "rot13", "utf-7", "a\0b", "unicode_escape"])
def test_an_unknown_encoding_is_an_error_before_anything_is_made(name: str) -> None:
    write("a.txt")
    assert "nknown encoding" in index("corpus", "--encoding", name).error(2)
    assert not Path("kb").exists()


# Facts of a file.


def import_facts(lines: list[str], *extra: str) -> Outcome:
    write(
        "mill.md", "Harrow Mill stands in Torsby. Ines Varga leads Harrow Mill.\n\n" + "Water. " * 200 + "Torsby ends."
    )
    write("lake.md", "Lake Varn lies north of Torsby.")
    Path("facts.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return index("corpus", "--facts", "facts.jsonl", *extra, extractor="import")


def fact(subject: str, object_: str, **more: str) -> str:
    return json.dumps({"subject": subject, "predicate": "is near", "object": object_, **more})


def test_every_fact_of_a_file_ends_in_one_way() -> None:
    lines = [
        fact("Harrow Mill", "Torsby", source="mill.md"),
        fact("harrow  mill", "TORSBY", source="mill.md"),
        fact("The Harrow Mill", "Harrow Mill"),
        fact("Lake Varn", "Torsby"),
        fact("Lake Varn", "Torsby", source="gone.md"),
        fact("Lake Varn", "Bellwick", source="lake.md"),
        fact("Nobody", "Nowhere"),
        '{"subject": "A", "object": "B"}',
        "{broken",
        fact("\u200b", "Torsby"),
    ]
    done = import_facts(lines, "--json")
    document = done.json
    sums(document)
    assert document["counts"]["facts"] == {"total": 10, "done": 2, "failed": 3, "skipped": 5}
    skips = {item.partition(":")[0]: reason for item, reason in reasons(document["skips"]).items()}
    assert skips["line 2"] == "line 1 says the same"
    assert skips["line 3"] == "its subject and its object are the same"
    assert skips["line 5"] == "its source gone.md is not in the knowledge base"
    assert skips["line 6"] == "no passage of lake.md states it"
    assert skips["line 7"] == "no passage states it"
    assert reasons(document["failures"]).keys() == {"line 8", "line 9", "line 10"}
    assert done.code == 3
    again = import_facts(lines, "--json").json  # nothing is extracted again, and all is said again
    assert (again["counts"]["facts"], again["skips"]) == (document["counts"]["facts"], document["skips"])


def test_a_fact_whose_ends_become_one_entity_is_named() -> None:
    lines = [fact("Ines Varga", "Harrow Mill", source="mill.md")]
    assert import_facts(lines, "--json").json["counts"]["facts"]["done"] == 1
    graft("entities", "merge", "Ines Varga", "Harrow Mill", "-w", "kb", "-q")
    merged = import_facts(lines, "--json").json
    assert (merged["facts"], merged["counts"]["facts"]["skipped"]) == (0, 1)
    assert "became one entity" in merged["skips"][-1]["reason"]


# Questions, exports and runs that cannot be.


@pytest.mark.parametrize("question", ["", "  ", "?!", "\n", "…"])
def test_a_question_without_a_word_is_an_error(question: str) -> None:
    write("a.txt")
    index()
    assert "Expected a question" in graft("search", question, "-w", "kb", "-q").error(2)
    assert "Expected a question" in graft("ask", question, "-w", "kb", "-q", "--model", ANSWERER).error(2)


@pytest.mark.parametrize("name", ["x.bogus", "x.gexf", "x.parquet", "x.json", "x.txt"])
def test_an_export_of_an_unknown_suffix_needs_its_format(name: str) -> None:
    write("a.txt")
    index()
    assert ".graphml, .jsonl" in graft("export", name, "-w", "kb").error(2)
    assert not Path(name).exists()
    assert graft("export", name, "-w", "kb", "--format", "jsonl").code == 0


@pytest.mark.parametrize(("name", "form"), [("x.jsonl", "jsonl"), ("x.cypher", "cypher"), ("x.GraphML", "graphml")])
def test_the_suffix_of_an_export_names_its_format(name: str, form: str) -> None:
    write("a.txt")
    index()
    assert graft("export", name, "-w", "kb", "--json").json["format"] == form


@pytest.mark.parametrize("command", [("report", "nowhere"), ("eval", "compare", "nowhere", "nowhere")])
def test_a_run_that_is_not_there_is_an_error_with_the_way_to_find_it(command: tuple[str, ...]) -> None:
    assert "graft eval ls" in graft(*command).error(2)
    Path("nowhere").mkdir()
    assert "graft eval ls" in graft(*command).error(2)


def test_an_experiment_names_what_it_could_not_read(tmp_path: Path) -> None:
    experiment = write_world(tmp_path)
    folder = next(path for path in tmp_path.rglob("*.md")).parent
    (folder / "photo.psd").write_bytes(b"x")
    done = graft("eval", "run", experiment, "-w", tmp_path / "kb", "-q", "--json")
    assert "photo.psd was skipped" in done.err
    assert reasons(done.json["index"]["skips"]).keys() == {"photo.psd"}
    assert done.json["index"]["counts"]["files"]["skipped"] == 1
