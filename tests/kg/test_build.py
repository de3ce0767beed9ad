import os
import random
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from kg.build import BuildModels, build
from kg.config import IndexConfig
from kg.language.sentences import RuleSentences
from kg.schema import Chunk, Community, Document, Entity, Extraction, Fact, Handle, Report
from kg.workspace import Workspace
from models.calls.executor import ThreadExecutor
from models.calls.records import Budget, RecordedChat, Records
from models.errors import BudgetError, ConfigError, InputError, ModelError, OutputError
from tests.kg.scripted import PLAIN, TIDES, LetterEncoder, ScriptedChat, lines, write_sources
from tests.kg.windows import PieceEncoder

ROOT = Path(__file__).parents[2]
CONFIG = IndexConfig(chunk_tokens=16, extract=PLAIN)


class Bench:
    """A folder of sources and a workspace to build again and again."""

    def __init__(self, folder, texts=TIDES, config=CONFIG):
        self.sources = write_sources(folder / "sources", texts)
        self.path = folder / "workspace"
        self.config = config

    def build(self, chat=None, workers=2, sources=None, encoder=None, **options):
        models = BuildModels(chat or ScriptedChat(), encoder or LetterEncoder(), RuleSentences())
        with Workspace.create(self.path, self.config) as workspace:
            return build(workspace, sources or self.sources, models, executor=ThreadExecutor(workers), **options)

    def read(self, kind):
        with Workspace.open(self.path) as workspace:
            return list(workspace.store.read(kind))

    def journal(self, stage):
        with Workspace.open(self.path) as workspace:
            return {entry.item: entry for entry in workspace.store.journal(stage)}


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


def rebuilt(tmp_path, texts, **options):
    """The digest of a fresh build of these texts."""
    return Bench(tmp_path / f"fresh-{random.random()}", texts, **options).build().digest


def test_documents_become_a_graph(bench):
    summary = bench.build()
    entities = {entity.id: entity.name for entity in bench.read(Entity)}
    facts = {(entities[f.subject_id], f.predicate, entities[f.object_id]) for f in bench.read(Fact)}
    assert ("Ada Lorne", "founds", "Marrow & Finch") in facts
    assert ("Ada Lorne", "sells", "Marrow & Finch") in facts  # by her surname, in her document
    assert ("Ines Varga", "praises", "Harrow Mills") in facts
    assert (summary.documents, summary.failed, summary.skipped, summary.dropped) == (3, 0, 0, 0)
    assert (summary.chunks, summary.entities, summary.facts) == tuple(len(bench.read(k)) for k in (Chunk, Entity, Fact))
    assert summary.communities == len(bench.read(Community)) > 0
    assert summary.tokens_in > 0 and summary.tokens_out > 0
    assert (summary.spent.tokens_in, summary.spent.tokens_out) == (summary.tokens_in, summary.tokens_out)


def test_every_fact_shows_a_span_that_names_both_ends(bench):
    bench.build()
    chunks = {chunk.id: chunk.text for chunk in bench.read(Chunk)}
    entities = {entity.id: entity for entity in bench.read(Entity)}
    for fact in bench.read(Fact):
        for evidence in fact.evidence:
            shown = chunks[evidence.chunk_id][evidence.start : evidence.end]
            for end in (fact.subject_id, fact.object_id):
                assert any(name in shown for name in (entities[end].name, *entities[end].aliases))


def test_a_second_build_asks_nothing_and_changes_nothing(bench):
    first = bench.build()
    chat = ScriptedChat()
    second = bench.build(chat)
    assert chat.asked == []
    assert second.digest == first.digest
    assert (second.tokens_in, second.tokens_out) == (first.tokens_in, first.tokens_out)
    assert (second.spent.tokens_in, second.spent.tokens_out) == (0, 0)


def test_the_digest_does_not_depend_on_threads(tmp_path):
    texts = {f"{n}.md": TIDES["a.md"].replace("Torsby", f"Torsby{'abcdefgh'[n]}") for n in range(8)}

    class Uneven(ScriptedChat):
        def complete(self, request):
            time.sleep(random.random() / 50)
            return super().complete(request)

    digests = {Bench(tmp_path / str(n), texts).build(Uneven(), workers=n).digest for n in (1, 2, 8)}
    assert len(digests) == 1


def test_changed_added_and_removed_sources_give_what_a_rebuild_gives(bench, tmp_path):
    bench.build()
    (bench.sources / "a.md").write_text("Ada Lorne left Torsby for Bellwick.")
    (bench.sources / "b.md").unlink()
    (bench.sources / "d.md").write_text("Harrow Mills bought Bellwick Castle.")
    chat = ScriptedChat()
    summary = bench.build(chat)
    texts = {file.name: file.read_text() for file in bench.sources.iterdir()}
    assert summary.digest == rebuilt(tmp_path, texts)
    assert len(chat.asked) == 2  # the passage that changed and the new one
    assert {document.source for document in bench.read(Document)} == {"a.md", "c.md", "d.md"}
    assert bench.journal("load")["b.md"].status == "skipped"
    (bench.sources / "b.md").write_text(TIDES["b.md"])
    again = bench.build(chat)
    assert again.digest == rebuilt(tmp_path, {**texts, "b.md": TIDES["b.md"]})
    assert bench.journal("load")["b.md"].status == "done"


def test_a_report_on_no_community_of_the_graph_goes(bench):
    bench.build()
    with Workspace.open(bench.path) as workspace:
        workspace.store.put([Report("r:1", "m:1", "b", "T", "S", 1.0, ())])
    bench.build()
    assert bench.read(Report) == []


def test_every_community_has_a_handle(bench):
    bench.build()
    handles = bench.read(Handle)
    assert {handle.community_id for handle in handles} == {community.id for community in bench.read(Community)}
    (bench.sources / "a.md").write_text("Ada Lorne left Torsby for Bellwick.")
    bench.build()
    assert {handle.community_id for handle in bench.read(Handle)} == {row.id for row in bench.read(Community)}


def test_a_failed_passage_is_counted_with_its_reason_and_tried_again_on_request(bench, tmp_path):
    broken = ScriptedChat(fail=lambda prompt: OutputError("it loops") if "elected" in prompt else None)
    summary = bench.build(broken)
    assert summary.failed == 1
    assert (summary.failures[0].stage, summary.failures[0].reason) == ("extract", "OutputError: it loops")
    assert len(bench.read(Extraction)) == summary.chunks - 1
    chat = ScriptedChat()
    assert bench.build(chat).failed == 1
    assert chat.asked == []
    repaired = bench.build(chat, retry_failed=True)
    assert (repaired.failed, len(chat.asked)) == (0, 1)
    assert repaired.digest == rebuilt(tmp_path, TIDES)


def test_an_unexpected_error_fails_its_passage_only(bench):
    summary = bench.build(ScriptedChat(fail=lambda prompt: ValueError("odd") if "elected" in prompt else None))
    assert [failure.reason for failure in summary.failures] == ["ValueError: odd"]


def test_a_model_that_is_gone_stops_the_build_and_fails_no_passage(bench, tmp_path):
    with pytest.raises(ModelError, match="no answer"):
        bench.build(ScriptedChat(fail=lambda prompt: ModelError("no answer")))
    assert bench.journal("extract") == {}
    assert bench.build().digest == rebuilt(tmp_path, TIDES)


def test_one_text_that_the_server_refuses_is_a_failed_passage(bench):
    summary = bench.build(ScriptedChat(fail=lambda prompt: ModelError("refused") if "elected" in prompt else None))
    assert [failure.reason for failure in summary.failures] == ["ModelError: refused"]


def test_a_used_up_budget_keeps_what_is_finished(bench, tmp_path):
    inner = ScriptedChat()
    with closing(Records(tmp_path / "records.sqlite")) as records:
        with pytest.raises(BudgetError):
            bench.build(RecordedChat(inner, records, Budget(max_calls=2)), workers=1)
        done = [entry for entry in bench.journal("extract").values() if entry.status == "done"]
        assert len(done) == len(bench.read(Extraction)) == 2
        summary = bench.build(RecordedChat(inner, records))
    assert summary.digest == rebuilt(tmp_path, TIDES)
    assert len(inner.asked) == len(set(inner.asked)) == summary.chunks
    assert summary.spent.tokens_in < summary.tokens_in


def test_answers_from_records_count_for_the_total_and_not_for_this_run(tmp_path):
    with closing(Records(tmp_path / "records.sqlite")) as records:
        first = Bench(tmp_path / "one").build(RecordedChat(ScriptedChat(), records))
        second = Bench(tmp_path / "two").build(RecordedChat(ScriptedChat(), records))
    assert (second.tokens_in, second.tokens_out) == (first.tokens_in, first.tokens_out)
    assert (second.spent.tokens_in, second.spent.tokens_out) == (0, 0)
    assert second.digest == first.digest


def test_without_an_extractor_there_are_passages_and_no_graph(tmp_path):
    bench = Bench(tmp_path, config=IndexConfig(extractor="none"))
    with Workspace.create(bench.path, bench.config) as workspace:
        models = BuildModels(None, LetterEncoder(), RuleSentences())
        summary = build(workspace, bench.sources, models)
    assert summary.chunks > 0
    assert (summary.entities, summary.facts, summary.communities, summary.failed) == (0, 0, 0, 0)


def test_an_extractor_without_a_model_is_a_configuration_error(bench):
    with Workspace.create(bench.path, CONFIG) as workspace, pytest.raises(ConfigError, match="extractor"):
        build(workspace, bench.sources, BuildModels(None, LetterEncoder(), RuleSentences()))


def test_too_long_and_wordless_texts_are_skipped_with_a_reason(tmp_path):
    texts = {"a.md": TIDES["a.md"], "long.md": "Ada Lorne. " * 50, "stars.md": "* * *"}
    bench = Bench(tmp_path, texts, IndexConfig(chunk_tokens=64, extract=PLAIN, max_document_characters=200))
    summary = bench.build()
    assert summary.skipped == 2
    reasons = [
        e.reason for stage in ("chunk", "extract") for e in bench.journal(stage).values() if e.status == "skipped"
    ]
    assert len(reasons) == 2
    assert "200" in reasons[0]


def test_a_broken_source_is_counted_and_the_others_are_read(bench):
    (bench.sources / "broken.pdf").write_bytes(b"%PDF-1.4 nothing")
    summary = bench.build()
    assert summary.documents == 3
    assert [(failure.stage, failure.item) for failure in summary.failures] == [("load", "broken.pdf")]


@pytest.mark.parametrize("kind", ["broken", "missing", "empty"])
def test_no_readable_source_leaves_nothing_behind(bench, tmp_path, kind):
    sources = tmp_path / "other"
    if kind != "missing":
        sources.mkdir()
    if kind == "broken":
        (sources / "x.pdf").write_bytes(b"%PDF-1.4 nothing")
    with pytest.raises(InputError, match=r"x\.pdf" if kind == "broken" else "other"):
        bench.build(sources=sources)
    assert not bench.path.exists()
    before = bench.build().digest
    with pytest.raises(InputError):
        bench.build(sources=sources)
    assert bench.build().digest == before


def test_killed_anywhere_and_run_again_gives_the_same_store_and_asks_nothing_twice(tmp_path):
    texts = {
        f"{n}{name}": text.replace("Torsby", f"Torsby{'abcdef'[n]}") for n in range(6) for name, text in TIDES.items()
    }
    sources = write_sources(tmp_path / "sources", texts)
    expected = rebuilt(tmp_path, texts)
    rng = random.Random(0)
    log, workspace = tmp_path / "log", tmp_path / "workspace"
    command = [sys.executable, "-m", "tests.kg.scripted", str(sources), str(workspace), str(log), "0.03"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    kills, digest = 0, ""
    while not digest:
        known = set(lines(Path(f"{log}.finished")))
        asked_before = len(lines(Path(f"{log}.asked")))
        with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as child:
            if kills < 6:
                target = len(known) + rng.randrange(1, 8)
                while child.poll() is None and len(lines(Path(f"{log}.finished"))) < target:
                    time.sleep(0.005)
                time.sleep(rng.random() * 0.03)
                child.send_signal(signal.SIGKILL)
                kills += 1
            output = child.communicate(timeout=120)[0]
            digest = output.strip() if child.returncode == 0 else ""
            assert child.returncode in (0, -signal.SIGKILL)
        assert not known & set(lines(Path(f"{log}.asked"))[asked_before:]), "an answer on record was asked for again"
    assert kills >= 3
    assert digest == expected


TOGETHER = IndexConfig(chunk_tokens=16, extract=PLAIN, extract_tokens=48)


def test_chunks_read_together_take_fewer_calls_and_every_chunk_has_its_row(tmp_path):
    bench, chat = Bench(tmp_path, config=TOGETHER), ScriptedChat()
    summary = bench.build(chat)
    assert len(chat.asked) < summary.chunks
    assert {row.chunk_id for row in bench.read(Extraction)} == {row.id for row in bench.read(Chunk)}
    assert {item: entry.status for item, entry in bench.journal("extract").items()} == {
        row.id: "done" for row in bench.read(Chunk)
    }
    texts = {row.id: row.text for row in bench.read(Chunk)}
    for row in bench.read(Extraction):
        for mention in row.mentions:
            assert texts[row.chunk_id][mention.evidence.start : mention.evidence.end] == mention.name
    assert {fact.predicate for fact in bench.read(Fact)} >= {"founds", "praises"}
    again = ScriptedChat()
    assert bench.build(again).digest == summary.digest
    assert again.asked == []


def test_a_changed_document_is_extracted_again_with_its_groups(tmp_path):
    bench = Bench(tmp_path, config=TOGETHER)
    bench.build()
    (bench.sources / "a.md").write_text("Ada Lorne left Torsby for Bellwick.")
    chat = ScriptedChat()
    changed = bench.build(chat)
    assert len(chat.asked) == 1
    fresh = rebuilt(tmp_path, {**TIDES, "a.md": "Ada Lorne left Torsby for Bellwick."}, config=TOGETHER)
    assert changed.digest == fresh


def test_every_chunk_of_a_failed_group_counts_and_comes_back_on_request(tmp_path):
    bench = Bench(tmp_path, config=TOGETHER)
    broken = ScriptedChat(fail=lambda prompt: OutputError("it loops", 7, 3) if "elected" in prompt else None)
    summary = bench.build(broken)
    read = {row.chunk_id for row in bench.read(Extraction)}
    lost = {row.id for row in bench.read(Chunk)} - read
    assert summary.failed == len(lost) > 1
    failed = [entry for entry in bench.journal("extract").values() if entry.status == "failed"]
    assert {entry.item for entry in failed} == lost
    assert sum(entry.tokens_in > 0 for entry in failed) == 1  # what it cost is booked once
    assert bench.build(broken).digest == summary.digest
    repaired = bench.build(ScriptedChat(), retry_failed=True)
    assert repaired.failed == 0
    assert repaired.digest == rebuilt(tmp_path, TIDES, config=TOGETHER)


class TestWindowOfTheEncoder:
    config = IndexConfig(chunk_tokens=16, extract=PLAIN, extractor="none")

    def test_passages_that_an_older_version_left_too_long_are_split_again(self, tmp_path):
        bench = Bench(tmp_path, config=self.config)
        before = bench.build()
        summary = bench.build(encoder=PieceEncoder(14))
        assert summary.chunks > before.chunks
        assert summary.digest == Bench(tmp_path / "fresh", config=self.config).build(encoder=PieceEncoder(14)).digest
        assert all(reading.cut == 0 for reading in summary.encoder_read.values())
        assert sum(reading.passages for reading in summary.encoder_read.values()) == summary.chunks

    def test_what_is_split_for_the_encoder_is_not_split_again(self, tmp_path):
        bench = Bench(tmp_path, config=self.config)
        bench.build(encoder=PieceEncoder(14))
        split = bench.journal("chunk")
        bench.build(encoder=PieceEncoder(14))
        assert bench.journal("chunk") == split

    def test_a_wide_window_changes_no_passage_and_no_key(self, tmp_path):
        bench = Bench(tmp_path, config=self.config)
        before, keys = bench.build(), {item: entry.key for item, entry in bench.journal("chunk").items()}
        after = bench.build(encoder=PieceEncoder(500))
        assert (after.chunks, after.documents) == (before.chunks, before.documents)
        assert {item: entry.key for item, entry in bench.journal("chunk").items()} == keys

    def test_another_encoder_splits_for_its_own_window(self, tmp_path):
        bench = Bench(tmp_path, config=self.config)
        narrow = bench.build(encoder=PieceEncoder(14))
        wide = bench.build(encoder=PieceEncoder(500))
        assert wide.chunks < narrow.chunks
        assert bench.build(encoder=PieceEncoder(14)).digest == narrow.digest

    def test_what_the_encoder_does_not_know_is_a_notice(self, tmp_path):
        bench = Bench(tmp_path, config=self.config)
        (bench.sources / "ko.md").write_text("시장은 다리를 열었다. " * 400)
        notices = [note.reason for note in bench.build(encoder=PieceEncoder(14, languages=("en",))).notices]
        assert any("passages are Korean; letters was trained on English" in notice for notice in notices)

    def test_what_the_encoder_reads_is_measured_once(self, tmp_path):
        bench, encoder = Bench(tmp_path, config=self.config), CountingEncoder(20)
        first = bench.build(encoder=encoder)
        asked = len(encoder.asked)
        second = bench.build(encoder=encoder)
        assert (len(encoder.asked), second.encoder_read) == (asked, first.encoder_read)
        assert asked > 0 and second.encoder_read["en"].characters > 0
        assert set(bench.journal("read")) == {document.id for document in bench.read(Document)}

    def test_a_changed_document_alone_is_measured_again_and_a_deleted_one_forgotten(self, tmp_path):
        bench, encoder = Bench(tmp_path, config=self.config), CountingEncoder(20)
        bench.build(encoder=encoder)
        (bench.sources / "a.md").write_text("A gull sat on the old mast in the rain.", encoding="utf-8")
        (bench.sources / "b.md").unlink()
        encoder.asked.clear()
        summary = bench.build(encoder=encoder)
        assert [text for text in encoder.asked if "gull" not in text] == []
        assert set(bench.journal("read")) == {document.id for document in bench.read(Document)}
        assert sum(reading.passages for reading in summary.encoder_read.values()) == summary.chunks
        texts = {path.name: path.read_text() for path in bench.sources.iterdir()}
        fresh = Bench(tmp_path / "fresh", texts, self.config)
        assert fresh.build(encoder=encoder).encoder_read == summary.encoder_read

    def test_another_encoder_measures_for_itself(self, tmp_path):
        bench = Bench(tmp_path, config=self.config)
        bench.build(encoder=PieceEncoder(500))
        assert bench.build(encoder=PieceEncoder(400)).encoder_read["en"].cut == 0
        encoder = CountingEncoder(300)
        bench.build(encoder=encoder)
        assert encoder.asked


class CountingEncoder(PieceEncoder):
    """Remembers the texts whose tokens it was asked for; the empty one, of which it is asked the prefix, apart."""

    def __init__(self, max_tokens):
        super().__init__(max_tokens)
        self.asked = []

    def pieces(self, text):
        if text:
            self.asked.append(text)
        return super().pieces(text)
