"""`graft update` and `graft delete`: what changes, what stays, and what `--erase` leaves of a document: nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from app import api
from kg.schema import Chunk, Community, Description, Document, Entity, Finding, Report, Ruling, make_id
from kg.workspace import Workspace
from models.errors import ConfigError
from tests.app.command import Outcome, contents, graft
from tests.app.scripted import ANSWERER, EXTRACTOR, NEVER, PLAINLY
from tests.kg.scripted import TIDES, write_sources
from training.config import TrainConfig
from training.runs.adapter import MANIFEST, AdapterManifest, read_manifest, read_usable

SECRET = {
    "secret.md": "Zebulon Quarx hid the Vermilion Ledger under Ostrava Pier. "
    "Harrow Mills paid Zebulon Quarx for the Vermilion Ledger."
}
WORDS = ("zebulon", "quarx", "vermilion", "ostrava", "secret.md")
EARLIER = "Zebulon Quarx once owned the Cobalt Orchard beyond the salt marshes of Ostrava."


def index(*extra: str, extractor: str = EXTRACTOR) -> Outcome:
    common = ("-w", "kb", *PLAINLY, "--extractor", extractor, "-q", "--json")
    return graft("index", "articles", *common, *extra)


@pytest.fixture
def base(articles: Path) -> Outcome:
    """A knowledge base of three documents."""
    return index()


def holding(folder: Path, words: tuple[str, ...]) -> dict[str, list[str]]:
    """Which files of a folder hold which words, in any case, as UTF-8 or UTF-16."""
    found = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes().lower()
        if inside := [word for word in words if word.encode() in content or word.encode("utf-16-le") in content]:
            found[path.relative_to(folder).as_posix()] = inside
    return found


def test_an_update_reads_what_is_new_and_leaves_the_rest(base: Outcome, articles: Path) -> None:
    write_sources(
        articles, {"a.md": "Ada Lorne left Torsby for Bellwick.", "d.md": "Harrow Mills bought Bellwick Castle."}
    )
    (articles / "b.md").unlink()
    done = graft("update", "articles/a.md", "articles/d.md", "articles/c.md", "-w", "kb", "-q", "--json")
    assert (done.code, done.err) == (0, "")
    assert (done.json["added"], done.json["changed"], done.json["unchanged"]) == (["d.md"], ["a.md"], 1)
    assert done.json["documents"] == 4
    (articles / "b.md").write_text(TIDES["b.md"])
    assert index().json["digest"] == done.json["digest"]
    assert graft("search", "Bellwick Castle", "-w", "kb", "-q", "--json").json["passages"][0]["source"] == "d.md"


def test_an_update_is_planned_without_a_model(articles: Path) -> None:
    index()
    config = Path("kb/graft.yaml")
    config.write_text(config.read_text().replace(EXTRACTOR, NEVER))
    before = contents(Path("kb"))
    write_sources(articles, SECRET)
    done = graft("update", "articles", "-w", "kb", "--dry-run", "--json")
    assert (done.code, done.json["documents"]) == (0, 4)
    assert 0 < done.json["calls"] < done.json["passages"]
    assert contents(Path("kb")) == before


def test_a_source_that_cannot_be_read_any_more_fails_and_takes_its_documents_with_it(
    base: Outcome, articles: Path
) -> None:
    (articles / "a.md").write_bytes(bytes(range(256)) * 8)
    done = graft("update", "articles/a.md", "-w", "kb", "-q", "--json")
    assert (done.code, done.json["changed"], done.json["documents"], done.json["failed"]) == (3, ["a.md"], 2, 1)
    assert index().json["digest"] == done.json["digest"]
    assert graft("delete", "a.md", "-w", "kb", "-q", "--json").json["failed"] == 0


def test_a_title_alone_is_a_change(articles: Path) -> None:
    page = "<html><head><title>{}</title></head><body><p>Ada Lorne founded Marrow in Torsby.</p></body></html>"
    (articles / "t.html").write_text(page.format("Mills"))
    index()
    (articles / "t.html").write_text(page.format("Ada Lorne"))
    done = graft("update", "articles/t.html", "-w", "kb", "-q", "--json")
    assert (done.json["changed"], done.json["unchanged"]) == (["t.html"], 0)


def test_a_row_named_like_a_row_s_file_that_is_gone_goes_with_its_table(articles: Path) -> None:
    table = articles / "t.csv"
    table.write_text("id,text\nx.md,Ada Lorne founded Marrow.\ny.md,Ines Varga left Torsby.\n")
    (articles / "t.csv#x.md").write_text("Tomas Lorne met Ines Varga.")
    index()
    (articles / "t.csv#x.md").unlink()
    index()
    table.write_text("id,text\ny.md,Ines Varga left Torsby.\n")
    updated = graft("update", "articles/t.csv", "-w", "kb", "-q", "--json").json
    assert index().json["digest"] == updated["digest"]


def test_a_path_that_is_gone_changes_nothing(base: Outcome) -> None:
    before = contents(Path("kb"))
    assert "articles/x.md does not exist" in graft("update", "articles/a.md", "articles/x.md", "-w", "kb", "-q").error(
        2
    )
    assert contents(Path("kb")) == before


def test_deleted_documents_are_gone_and_come_back_for_nothing(base: Outcome) -> None:
    planned = graft("delete", "[bc].md", "-w", "kb", "--dry-run", "--json")
    assert (planned.code, planned.json["sources"]) == (0, ["b.md", "c.md"])
    done = graft("delete", "[bc].md", "-w", "kb", "-q", "--json")
    assert (done.code, done.err) == (0, "")
    assert (done.json["documents"], done.json["sources"], done.json["erased"]) == (1, ["b.md", "c.md"], None)
    assert graft("delete", "b.md", "-w", "kb", "-q").error(2).startswith("graft: Unknown source 'b.md'.")
    back = graft("update", "articles", "-w", "kb", "-q", "--json", "--max-calls", "0")
    assert (back.code, back.json["digest"]) == (0, base.json["digest"])


def test_the_last_document_may_go(base: Outcome) -> None:
    done = graft("delete", "*", "-w", "kb", "-q", "--json", "--erase")
    assert (done.code, done.json["documents"], done.json["entities"], done.json["communities"]) == (0, 0, 0, 0)
    assert index().json["digest"] == base.json["digest"]


def test_a_row_of_a_table_is_deleted_alone(articles: Path) -> None:
    (articles / "rows.jsonl").write_text('{"text": "Lake Oune froze."}\n{"text": "Ines Varga left Bellwick."}\n')
    index()
    done = graft("delete", "rows.jsonl#2", "-w", "kb", "-q", "--json")
    assert done.json["documents"] == 4
    assert graft("delete", "rows.jsonl", "-w", "kb", "-q", "--json").json["documents"] == 3


def adapter(name: str, sources: tuple[str, ...] | None) -> Path:
    """A finished adapter's manifest, without weights."""
    manifest = AdapterManifest(
        key="k", base="b", base_weights="w", base_digest="d", base_dtype="float32", config=TrainConfig(),
        texts_digest="t", texts={"raw": 1}, tokens=1, steps=1, trainable=1, epoch_loss=(1.0,), final_loss=1.0,
        seconds=1.0, starts=1, threads=1, device="cpu", versions={}, adapter_digest="a", sources=sources,
    )  # fmt: skip
    folder = Path("kb/adapters", name)
    folder.mkdir(parents=True)
    (folder / MANIFEST).write_text(manifest.model_dump_json())
    return folder


def leave_traces() -> None:
    """What asking, training, evaluating, ruling and describing leave of a document."""
    question = "Who hid the ledger under the pier?"
    assert graft("ask", question, "-w", "kb", "--model", ANSWERER, "--retriever", "bm25", "-q").code == 0
    assert graft("search", "ledger", "-w", "kb", "-q").code == 0
    runs = Path("kb/runs")
    for name, text in (("20310101T000000Z-with", SECRET["secret.md"]), ("20310102T000000Z-without", TIDES["c.md"])):
        (runs / name).mkdir(parents=True)
        (runs / name / "contexts.jsonl").write_text(json.dumps({"text": text}) + "\n")
    with Workspace.open(Path("kb")) as workspace:
        store = workspace.store
        documents = {row.id: row.source for row in store.read(Document)}
        chunks = {row.id: documents[row.document_id] for row in store.read(Chunk)}
        entities = {row.name: row for row in store.read(Entity)}
        secret, living = entities["Zebulon Quarx"], entities["Ines Varga"]
        community = next(row for row in store.read(Community) if secret.id in row.entity_ids)
        summary = "He hid a red book by the water, and Quarx was paid."
        ruling = (0, "merge", "zebulon quarx", "harrow mills")
        store.put(
            [
                Report("r:1", community.id, "b", "A red book", summary, 1.0, (Finding(summary, ()),)),
                Description("n:1", secret.id, "b", "The vermilion man."),
                Description("n:2", living.id, "b", "A councillor."),
                Ruling(make_id("u", *ruling), *ruling),
            ]
        )
    adapter("with", tuple(key for key, source in chunks.items() if source == "secret.md"))
    adapter("without", tuple(key for key, source in chunks.items() if source == "a.md"))
    adapter("unknown", None)
    Path("kb/adapters/half.partial").mkdir()


def test_no_byte_of_an_erased_document_stays(articles: Path) -> None:
    without = index().json
    write_sources(articles, {"secret.md": EARLIER})
    assert graft("update", "articles/secret.md", "-w", "kb", "-q").code == 0
    write_sources(articles, SECRET)
    assert graft("update", "articles/secret.md", "-w", "kb", "-q").code == 0
    leave_traces()
    words = (*WORDS, "cobalt", "red book")
    assert {name.split("/")[0] for name in holding(Path("kb"), words)} >= {"graph.sqlite", "index", "runs"}

    planned = graft("delete", "secret.md", "-w", "kb", "--erase", "--dry-run", "--json").json["erased"]
    done = graft("delete", "secret.md", "-w", "kb", "--erase", "-q", "--json")
    assert (done.code, done.err) == (0, "")
    erased = done.json["erased"]
    assert erased == planned
    assert erased["calls"] == 3  # the passages of both versions, and the answer
    assert (erased["notes"], erased["rulings"], erased["files"]) == (2, 1, [])
    assert erased["adapters"] == ["unknown", "with", "half.partial"]
    assert erased["runs"] == ["20310101T000000Z-with"]
    left = holding(Path("kb"), words)
    assert left.keys() == {"runs/20310101T000000Z-with/contexts.jsonl"}

    shutil.rmtree(Path("kb/runs/20310101T000000Z-with"))
    assert done.json["digest"] == without["digest"]
    assert index("--max-calls", "0").code == 5  # the document is in the folder still, and its answers are gone
    (articles / "secret.md").unlink()
    again = index("--max-calls", "0")
    assert (again.code, again.json["digest"]) == (0, without["digest"])  # of the others, every answer is there
    with Workspace.open(Path("kb")) as workspace:
        assert [row.id for row in workspace.store.read(Description)] in ([], ["n:2"])
    with pytest.raises(ConfigError, match="must not be used: documents that it was trained on have been erased"):
        read_usable(Path("kb/adapters/with"))
    assert read_usable(Path("kb/adapters/without")) == read_manifest(Path("kb/adapters/without"))
    assert not Path("kb/adapters/half.partial").exists()


def test_runs_that_quote_it_are_removed_on_request(articles: Path) -> None:
    write_sources(articles, SECRET)
    index()
    leave_traces()
    assert graft("delete", "secret.md", "-w", "kb", "--runs", "-q").code == 2
    assert graft("delete", "secret.md", "-w", "kb", "--erase", "--runs", "-q").code == 0
    assert holding(Path("kb"), (*WORDS, "red book")) == {}
    assert [run.name for run in Path("kb/runs").iterdir()] == ["20310102T000000Z-without"]


@pytest.mark.parametrize(
    "step",
    [
        "kg.erasure.erase.erase_residual_data",
        "training.runs.adapter.flag_erased",
        "kg.changes.delete.delete",
        "retrieval.index.graph_index.GraphIndex.open",
        "kg.erasure.erase.forget",
    ],
)
def test_an_interrupted_erasure_resumes(articles: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    write_sources(articles, SECRET)
    index()
    leave_traces()
    command = ("delete", "secret.md", "-w", "kb", "--erase", "--runs", "-q")
    with monkeypatch.context() as patch:
        patch.setattr(step, interrupt)
        assert graft(*command).code == 130
    assert holding(Path("kb"), WORDS)
    assert graft(*command).code == 0
    assert holding(Path("kb"), WORDS) == {}
    assert read_manifest(Path("kb/adapters/with")).erased
    assert not read_manifest(Path("kb/adapters/without")).erased


def test_what_was_deleted_before_can_be_erased_afterwards(articles: Path) -> None:
    write_sources(articles, SECRET)
    index()
    leave_traces()
    assert graft("delete", "secret.md", "-w", "kb", "-q").code == 0
    assert "graph.sqlite" in holding(Path("kb"), WORDS)
    done = graft("delete", "secret.md", "-w", "kb", "--erase", "--runs", "-q", "--json")
    assert done.code == 0
    assert done.json["erased"]["runs"] == ["20310101T000000Z-with"]
    assert "with" in done.json["erased"]["adapters"]
    left = holding(Path("kb"), WORDS)
    assert left == {}
    assert graft("delete", "secret.md", "-w", "kb", "--erase", "-q").code == 2


def test_python_does_the_same(base: Outcome, articles: Path) -> None:
    write_sources(articles, SECRET)
    assert api.update("articles/secret.md", "kb").added == ("secret.md",)
    removal = api.delete("secret.md", "kb", erase=True)
    assert removal.summary is not None
    assert removal.summary.digest == base.json["digest"]
    assert holding(Path("kb"), WORDS) == {}
