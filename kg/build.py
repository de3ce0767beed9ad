"""Documents to a knowledge base: load, split, extract, resolve, find communities.

Every item's stage is journaled in the transaction of its rows. Kill the build anywhere and run it
again: finished items are not done again, and the store ends up with the same digest as after one
uninterrupted build, or as after a build into an empty workspace. Sources that changed or vanished take
their rows with them.

    workspace = Workspace.create(Path("notes.graft"), IndexConfig())
    summary = build(workspace, Path("notes"), BuildModels(chat, encoder, sentences))
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from kg.communities.detect import detect, native_version
from kg.communities.handles import hand_on
from kg.documents.chunk import chunk
from kg.documents.load import Loaded, list_sources, load
from kg.documents.sources import by_file
from kg.erasure.remains import remember
from kg.extraction.protocol import Extractor, Passage, Reading, passages_of
from kg.extraction.registry import IMPORT, open_extractor
from kg.language.sentences import SentenceSplitter
from kg.reports.basis import keep_valid
from kg.resolution.judge import Judge
from kg.resolution.resolve import resolve
from kg.rulings import standing
from kg.schema import Chunk, Community, Description, Document, Entity, Extraction, Fact, Handle, Merge, Ruling
from kg.stores.journal import GONE, Stage
from kg.summary import IndexSummary, Spent
from kg.workspace import Workspace
from models.calls.executor import Executor, ThreadExecutor, ask_all
from models.errors import InputError, OutputError
from models.files.digest import digest
from models.protocols import ChatModel, Encoder, Usage
from models.runtime.progress import SILENT, Progress

_RULES = 1
"""Changes with the rules of the stages written here or called from here, so that they run again."""
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class BuildModels:
    """The models of a build.

    Attributes:
        chat: Reads facts; None only if the configuration's extractor is no chat model.
        encoder: Compares names.
        sentences: Splits texts into sentences.
        facts: File of facts, if the configuration's extractor is "import".
        judge: Decides which names are one thing where rules don't; only if the configuration names one.
    """

    chat: ChatModel | None
    encoder: Encoder
    sentences: SentenceSplitter
    facts: Path | None = None
    judge: ChatModel | None = None


def build(
    workspace: Workspace,
    root: Path,
    models: BuildModels,
    progress: Progress = SILENT,
    executor: Executor | None = None,
    retry_failed: bool = False,
) -> IndexSummary:
    """Bring a workspace to hold exactly what the sources say.

    Args:
        workspace: Where to; built under its write lock.
        root: A folder of sources, or one file.
        models: Chat model, encoder, sentence splitter.
        progress: Who is told.
        executor: Spreads the model calls; four threads by default.
        retry_failed: Try items again that failed before and haven't changed.
    Returns:
        What the workspace holds now, what failed, what it cost.
    Raises:
        InputError: Not one source could be read; a workspace created for this build is removed again.
        ConfigError: The configuration names a chat model and none is given, or facts to import and no file.
        BudgetReached: The budget is used up; what is finished is kept, a second build goes on.
        ModelError: The chat model can't be reached; likewise.
    """
    extractor = extractor_of(workspace, models)
    with workspace.writing():
        run = Build(workspace, models, progress, executor or ThreadExecutor(), retry_failed, extractor)
        try:
            loaded = _load(root, progress)
        except InputError:
            if workspace.is_new:
                workspace.discard()
            raise
        workspace.is_new = False
        return run.bring_to(loaded)


def extractor_of(workspace: Workspace, models: BuildModels) -> Extractor | None:
    """What reads the documents of a workspace; opened before anything is written. Raises as `open_extractor`."""
    return open_extractor(workspace.config, models.chat, models.sentences, models.facts)


def resolve_again(workspace: Workspace, models: BuildModels, progress: Progress = SILENT) -> None:
    """Make entities, facts and communities anew of what is read already, after a ruling; call it while `writing`."""
    run = Build(workspace, models, progress, ThreadExecutor(1))
    store = workspace.store
    run.resolve(list(store.read(Document)), list(store.read(Chunk)), list(store.read(Extraction)))
    run.find_communities()


def _load(root: Path, progress: Progress) -> list[Loaded]:
    """Read all sources, in memory: nothing is written before at least one can be used."""
    loaded = []
    with progress.step("read documents", total=len(list_sources(root)), unit="sources") as step:
        for source in load(root):
            loaded.append(source)
            step.advance()
    if not any(source.documents for source in loaded):
        reasons = [f"{source.source}: {source.error or source.skipped or 'holds no text'}" for source in loaded]
        more = f"; and {len(reasons) - _SHOWN} more" if len(reasons) > _SHOWN else ""
        what = "; ".join(reasons[:_SHOWN]) + more if reasons else "there is none"
        raise InputError(f"no source in {root} can be read: {what}")
    return loaded


class Build:
    """One build, under the workspace's lock: the stages in order, and the journal's view of each."""

    def __init__(
        self,
        workspace: Workspace,
        models: BuildModels,
        progress: Progress,
        executor: Executor,
        retry_failed: bool = False,
        extractor: Extractor | None = None,
    ) -> None:
        self.began = time.perf_counter()
        self.workspace = workspace
        self.config = workspace.config
        self.store = workspace.store
        self.models = models
        self.progress = progress
        self.executor = executor
        self.extractor = extractor
        names = ("load", "chunk", "extract", "resolve", "communities")
        self.stages = {name: Stage(self.store, name, retry_failed) for name in names}
        self.spent = Usage()

    def bring_to(self, loaded: Sequence[Loaded], others_stay: bool = False) -> IndexSummary:
        """Run all stages on the documents that were read, and on those of all other sources if they stay."""
        documents = self.keep(loaded, others_stay)
        chunks = self.split(documents)
        extractions = self.extract(documents, chunks)
        self.resolve(documents, chunks, extractions)
        self.find_communities()
        return self.summary()

    def keep(self, loaded: Sequence[Loaded], others_stay: bool) -> list[Document]:
        """Make the documents that were read, and perhaps those of other sources, the only ones of the store."""
        stage = self.stages["load"]
        documents = [document for source in loaded for document in source.documents]
        if others_stay:
            names = {source.source for source in loaded}
            files = names | {item for item, entry in stage.before.items() if entry.reason != GONE}
            stored = by_file(self.store.read(Document), files)
            documents = [document for file, document in stored if file not in names] + documents
        marks = remember(self.workspace, documents)
        with self.store.transaction():
            self.store.replace(Document, documents)
            self.store.mark(marks)
            for source in loaded:
                key = digest([asdict(document) for document in source.documents], source.errors)
                if source.errors:
                    stage.failed(source.source, key, source.error)
                elif not source.documents:
                    stage.skipped(source.source, key, source.skipped or "holds no text")
                else:
                    stage.done(source.source, key)
            if others_stay:
                stage.keep()
            stage.forget_others()
        return documents

    def split(self, documents: Sequence[Document]) -> list[Chunk]:
        """Split the documents that aren't split yet; passages of other documents go."""
        stage = self.stages["chunk"]
        kept: dict[str, list[Chunk]] = {document.id: [] for document in documents}
        for row in self.store.read(Chunk):
            kept.setdefault(row.document_id, []).append(row)
        with self.progress.step("split into passages", total=len(documents), unit="documents") as step:
            for document in documents:
                key = self._chunk_key(document)
                if not stage.finished(document.id, key, has_rows=bool(kept[document.id])):
                    kept[document.id] = self._split_one(stage, document, key)
                step.advance()
        chunks = [row for document in documents for row in sorted(kept[document.id], key=lambda row: row.position)]
        with self.store.transaction():
            self.store.replace(Chunk, chunks)
            stage.forget_others()
        return chunks

    def _chunk_key(self, document: Document) -> str:
        config = self.config
        settings = (config.chunk_tokens, config.overlap_sentences, config.max_document_characters)
        return digest(_RULES, document.id, self.models.sentences.name, settings)

    def _split_one(self, stage: Stage, document: Document, key: str) -> list[Chunk]:
        limit = self.config.max_document_characters
        if limit is not None and len(document.text) > limit:
            stage.skipped(
                document.id, key, f"{document.source} has {len(document.text)} characters, the limit is {limit}"
            )
            return []
        began = time.perf_counter()
        try:
            rows = chunk(document, self.config.chunk_tokens, self.models.sentences, self.config.overlap_sentences)
        except Exception as error:  # an item's boundary: one document never takes the others with it
            stage.failed(document.id, key, error)
            return []
        stage.done(document.id, key, rows, seconds=time.perf_counter() - began)
        return list(rows)

    def extract(self, documents: Sequence[Document], chunks: Sequence[Chunk]) -> list[Extraction]:
        """Read the passages that aren't read yet; readings of other passages go."""
        stage = self.stages["extract"]
        extractor = self.extractor
        if extractor is None:
            self.store.replace(Extraction, ())
            return []
        # A fact that is imported belongs to a document, and may stand in any of its chunks.
        together = sys.maxsize if self.config.extractor == IMPORT else self.config.extract_tokens or 0
        passages = passages_of(documents, chunks, together)
        keys = {passage.id: extractor.key(passage) for passage in passages}
        rows = {row.chunk_id: row for row in self.store.read(Extraction)}
        kept: list[Extraction] = []
        pending = []
        for passage in passages:
            ids, key = [row.id for row in passage.chunks], keys[passage.id]
            finished = [stage.finished(each, key, has_rows=each in rows) for each in ids]
            if all(finished):
                kept += (rows[each] for each in ids if each in rows)
            elif any(character.isalnum() for row in passage.chunks for character in row.text):
                pending.append(passage)
            else:
                for each in ids:
                    stage.skipped(each, key, "has no words")
        self.store.replace(Extraction, sorted(kept, key=lambda row: row.chunk_id))
        with (
            self.progress.step("extract facts", len(passages), "passages", len(passages) - len(pending)) as step,
            closing(ask_all(self.executor, extractor, pending)) as results,
        ):
            for passage, outcome in results:
                self._keep_reading(stage, passage, keys[passage.id], outcome)
                step.advance()
        stage.forget_others()
        return list(self.store.read(Extraction))

    def _keep_reading(self, stage: Stage, passage: Passage, key: str, outcome: Reading | Exception) -> None:
        """Journal every chunk of a passage; what it cost, with the first."""
        first, *others = [row.id for row in passage.chunks]
        if isinstance(outcome, OutputError) and not outcome.recorded:
            self.spent += Usage(outcome.tokens_in, outcome.tokens_out)
        with self.store.transaction():
            if isinstance(outcome, Exception):
                stage.failed(first, key, outcome)
                for each in others:
                    stage.failed(each, key, f"was read with {first}, which failed")
                return
            stage.done(first, key, outcome.extractions, outcome.usage, outcome.model_seconds)
            for each in others:
                stage.done(each, key)
        self.spent += outcome.spent

    def resolve(
        self, documents: Sequence[Document], chunks: Sequence[Chunk], extractions: Sequence[Extraction]
    ) -> None:
        """Make entities and facts of all readings and rulings, unless they are made of these already."""
        stage = self.stages["resolve"]
        rulings = standing(self.store.read(Ruling))
        judge = None if self.models.judge is None else Judge(self.models.judge)
        settings = self.config.resolve.model_dump(mode="json")
        parts = (settings, self.models.encoder.digest, judge and judge.digest, [asdict(row) for row in rulings])
        key = digest(_RULES, *parts, [asdict(row) for row in extractions])
        with self.progress.step("resolve entities", total=1, unit="graph") as step:
            # What the judge failed to decide is an item of its own, with the graph's key.
            items = ["graph", *(item for item, entry in stage.before.items() if item != "graph" and entry.key == key)]
            finished = [stage.finished(item, key) for item in items]
            if not all(finished):
                began = time.perf_counter()
                source_of_document = {row.id: row.source for row in documents}
                source_of = {row.id: source_of_document[row.document_id] for row in chunks}
                found = resolve(
                    extractions, source_of, self.models.encoder, self.config.resolve, rulings=rulings, judge=judge
                )
                with self.store.transaction():
                    self.store.replace(Entity, found.entities)
                    self.store.replace(Fact, found.facts)
                    self.store.replace(Merge, found.merges)
                    self.store.replace(Description, ())  # the records answer at once if they are asked for again
                    seconds = time.perf_counter() - began
                    stage.done("graph", key, usage=Usage() if judge is None else judge.usage, seconds=seconds)
                    for pair, error in judge.failures.items() if judge is not None else ():
                        stage.failed(pair, key, str(error))
                    stage.forget_others()
                self.spent += Usage() if judge is None else judge.spent
            step.advance()

    def find_communities(self) -> None:
        """Divide the graph, unless this very graph is divided already; outdated reports go."""
        stage = self.stages["communities"]
        entities, facts = list(self.store.read(Entity)), list(self.store.read(Fact))
        settings = self.config.communities.model_dump(mode="json")
        nodes, edges = [entity.id for entity in entities], [fact.id for fact in facts]
        key = digest(_RULES, settings, native_version(), nodes, edges)
        with self.progress.step("find communities", total=1, unit="graph") as step:
            if not stage.finished("graph", key):
                began = time.perf_counter()
                communities = detect(entities, facts, self.config.communities)
                handles = hand_on(self.store.read(Handle), self.store.read(Community), communities)
                with self.store.transaction():
                    self.store.replace(Community, communities)
                    self.store.replace(Handle, handles)
                    stage.done("graph", key, seconds=time.perf_counter() - began)
            keep_valid(self.store)
            step.advance()

    def summary(self) -> IndexSummary:
        """Count what the store holds and what it cost."""
        entries = [entry for stage in self.stages.values() for entry in stage.outcomes.values()]
        extractions = list(self.store.read(Extraction))
        seconds = time.perf_counter() - self.began
        return IndexSummary(
            digest=self.store.digest(),
            documents=_count(self.store.read(Document)),
            chunks=_count(self.store.read(Chunk)),
            entities=_count(self.store.read(Entity)),
            facts=_count(self.store.read(Fact)),
            communities=_count(self.store.read(Community)),
            failed=sum(entry.status == "failed" for entry in entries),
            skipped=sum(entry.status == "skipped" for entry in entries),
            dropped=sum(row.dropped for row in extractions),
            tokens_in=sum(entry.tokens_in for entry in entries),
            tokens_out=sum(entry.tokens_out for entry in entries),
            seconds=sum(entry.seconds for entry in entries),
            spent=Spent(self.spent.tokens_in, self.spent.tokens_out, self.spent.cached, seconds),
            failures=tuple(failure for stage in self.stages.values() for failure in stage.failures()),
        )


def _count(rows: Iterable[object]) -> int:
    return sum(1 for _ in rows)
