"""Documents to a knowledge base: load, split, extract, resolve, find communities.

Every item's outcome is journaled in the transaction of its rows. Kill the build anywhere and run it again: finished
items are not done again, and the store ends up with the same digest as after one uninterrupted build into an empty
workspace. Sources that changed or vanished take their rows with them.

    workspace = Workspace.create(Path("notes.graft"), IndexConfig())
    summary = build(workspace, Path("notes"), BuildModels(chat, encoder, sentences))
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from kg.communities.detect import detect, native_version
from kg.communities.handles import assign_handles
from kg.documents.load import LoadedFile, list_entries, load, load_counts
from kg.documents.sources import by_file
from kg.documents.window import PassageWindow, split
from kg.erasure.residual import remember
from kg.extraction.protocol import (
    AccountingExtractor,
    ExtractionInput,
    ExtractionOutcome,
    Extractor,
    FactAccount,
    extraction_inputs,
)
from kg.extraction.registry import IMPORT, open_extractor
from kg.language.sentences import SentenceSplitter
from kg.readings import EncoderReadings
from kg.reports.basis import keep_valid
from kg.resolution.judge import Judge
from kg.resolution.resolve import Resolution, resolve
from kg.rulings import standing_rulings
from kg.schema import Chunk, Community, Description, Document, Entity, Extraction, Fact, Handle, Merge, Ruling
from kg.stores.journal import ESTIMATED, GONE, StageJournal
from kg.summary import BuildCost, FailedItem, IndexSummary, ItemCounts, ItemNote
from kg.workspace import Workspace
from models.calls.budget import wasted_usage
from models.calls.executor import Executor, ThreadExecutor, call_all
from models.errors import InputError, OutputError
from models.files.digest import digest
from models.protocols import ChatModel, Encoder, Usage
from models.runtime.progress import SILENT, Progress

_RULES = 1
"""Changes with the rules of the stages written here or called from here, so that they run again."""
_SHOWN = 5
"""Maximum number of sources whose errors are shown."""


@dataclass(frozen=True, slots=True)
class BuildModels:
    """The models of a build.

    Attributes:
        chat: Chat model that extracts facts; None only if the configuration's extractor is no chat model.
        encoder: Embedding model that compares names.
        sentences: Splits texts into sentences.
        facts: File of facts, if the configuration's extractor is "import".
        judge: Chat model that decides which names are one where rules don't; None if the configuration names none.
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
    """Build a workspace from its sources, so that it holds exactly what they say.

    Args:
        workspace: Workspace to build, under its write lock.
        root: Folder of sources, or one file.
        models: The models of the build.
        progress: Progress callback.
        executor: Spreads the model calls; four threads by default.
        retry_failed: Whether items that failed before and haven't changed are tried again.
    Returns:
        What the workspace holds now, what failed, and what it cost.
    Raises:
        InputError: Not one source could be read; a workspace created for this build is removed again.
        ConfigError: The configuration names a chat model and none is given, or facts to import and no file.
        BudgetError: The budget is used up; what is finished is kept, and a second build continues.
        ModelError: The chat model can't be reached; what is finished is kept.
    """
    extractor = extractor_of(workspace, models)
    with workspace.writing():
        run = Build(workspace, models, progress, executor or ThreadExecutor(), retry_failed, extractor)
        try:
            loaded = _load(root, workspace.config.encoding, progress)
        except InputError:
            # A mistyped path leaves no empty workspace behind.
            if workspace.is_new:
                workspace.discard()
            raise
        workspace.is_new = False
        return run.run_stages(loaded)


def extractor_of(workspace: Workspace, models: BuildModels) -> Extractor | None:
    """Open the extractor of a workspace, before anything is written; raises as `open_extractor`."""
    return open_extractor(workspace.config, models.chat, models.sentences, models.facts)


def resolve_again(workspace: Workspace, models: BuildModels, progress: Progress = SILENT) -> None:
    """Make entities, facts and communities from the stored extractions, after a ruling; call it while `writing`."""
    run = Build(workspace, models, progress, ThreadExecutor(1))
    store = workspace.store
    run.resolve(list(store.read(Document)), list(store.read(Chunk)), list(store.read(Extraction)))
    run.find_communities()


def _load(root: Path, encoding: str, progress: Progress) -> list[LoadedFile]:
    """Read all sources into memory: nothing is written before at least one can be used."""
    loaded = []
    with progress.step("read documents", total=len(list_entries(root)), unit="sources") as step:
        for source in load(root, encoding):
            loaded.append(source)
            step.advance()
    if not any(source.documents for source in loaded):
        reasons = [f"{source.source}: {(source.error or source.skipped).rstrip('.')}" for source in loaded]
        more = f"; and {len(reasons) - _SHOWN} more" if len(reasons) > _SHOWN else ""
        came = "; ".join(reasons[:_SHOWN]) + more if reasons else "there is no file"
        raise InputError(f"Expected a source with text in {root}, but none can be read: {came}.")
    return loaded


class Build:
    """One build, under the workspace's lock: the stages in order, each with its journal."""

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
        self.window = PassageWindow.of(models.encoder)
        self.readings = EncoderReadings(self.store, models.encoder)
        self.progress = progress
        self.executor = executor
        self.extractor = extractor
        names = ("load", "chunk", "extract", "resolve", "communities")
        self.stages = {name: StageJournal(self.store, name, retry_failed) for name in names}
        self.spent = Usage()
        self.loaded: Sequence[LoadedFile] = ()

    def run_stages(self, loaded: Sequence[LoadedFile], others_stay: bool = False) -> IndexSummary:
        """Run all stages on the documents that were read, and on those of all other sources if they stay."""
        # Every stage is given all items, those of finished ones too: what a stage's journal knows and is not given is
        # gone from the corpus.
        self.loaded = loaded
        documents = self.store_documents(loaded, others_stay)
        chunks = self.split(documents)
        extractions = self.extract(documents, chunks)
        self.resolve(documents, chunks, extractions)
        self.find_communities()
        return self.summary()

    def store_documents(self, loaded: Sequence[LoadedFile], others_stay: bool) -> list[Document]:
        """Make the documents that were read, and those of other sources if they stay, the only ones of the store."""
        stage = self.stages["load"]
        documents = [document for source in loaded for document in source.documents]
        if others_stay:
            names = {source.source for source in loaded}
            files = names | {item for item, entry in stage.before.items() if entry.reason != GONE}
            stored = by_file(self.store.read(Document), files)
            documents = [document for file, document in stored if file not in names] + documents
        # What quotes the documents that go is found by their text, so it is remembered while that is in the store.
        marks = remember(self.workspace, documents)
        with self.store.transaction():
            self.store.replace(Document, documents)
            self.store.mark(marks)
            for source in loaded:
                # What was read is the key, so that a changed title or date counts as a change.
                key = digest([asdict(document) for document in source.documents], source.errors)
                if source.errors:
                    stage.failed(source.source, key, source.remarks)
                elif source.skipped:
                    stage.skipped(source.source, key, source.skipped)
                else:
                    stage.done(source.source, key, notice=source.remarks)
            if others_stay:
                stage.keep()
            stage.forget_others()
        return documents

    def split(self, documents: Sequence[Document]) -> list[Chunk]:
        """Split the documents that aren't split yet; chunks of other documents are removed."""
        stage = self.stages["chunk"]
        chunks_of: dict[str, list[Chunk]] = {document.id: [] for document in documents}
        for stored in self.store.read(Chunk):
            chunks_of.setdefault(stored.document_id, []).append(stored)
        with self.progress.step("split into passages", total=len(documents), unit="documents") as step:
            for document in documents:
                if not self._is_split(stage, document, chunks_of[document.id]):
                    chunks_of[document.id] = self._split_one(stage, document)
                step.advance()
        chunks: list[Chunk] = []
        for document in documents:
            chunks += sorted(chunks_of[document.id], key=lambda stored: stored.position)
        with self.store.transaction():
            self.store.replace(Chunk, chunks)
            stage.forget_others()
        return chunks

    def _chunk_key(self, document: Document, by_encoder: bool = False) -> str:
        """Key of a document's chunks; the encoder is part of it only where its window made them smaller."""
        config = self.config
        settings = (config.chunk_tokens, config.overlap_sentences, config.max_document_characters)
        encoder = [self.models.encoder.digest] if by_encoder else []
        return digest(_RULES, document.id, self.models.sentences.name, settings, *encoder)

    def _is_split(self, stage: StageJournal, document: Document, chunks: Sequence[Chunk]) -> bool:
        entry, key = stage.before.get(document.id), self._chunk_key(document)
        if entry is not None and entry.key == key and not self.readings.fits(document, chunks):
            return False  # split for another encoder, or before windows were known
        has_rows = bool(chunks)
        return stage.finished(document.id, key, has_rows) or stage.finished(
            document.id, self._chunk_key(document, by_encoder=True), has_rows
        )

    def _split_one(self, stage: StageJournal, document: Document) -> list[Chunk]:
        limit = self.config.max_document_characters
        key = self._chunk_key(document)
        if limit is not None and len(document.text) > limit:
            reason = f"{document.source} has {len(document.text)} characters, the limit is {limit}"
            stage.skipped(document.id, key, reason)
            return []
        began = time.perf_counter()
        config = self.config
        try:
            chunks, by_encoder = split(
                document, config.chunk_tokens, self.models.sentences, config.overlap_sentences, self.window
            )
        except Exception as error:  # an item's boundary: one document never takes the others with it
            stage.failed(document.id, key, error)
            return []
        seconds = time.perf_counter() - began
        stage.done(document.id, self._chunk_key(document, by_encoder), chunks, seconds=seconds)
        return list(chunks)

    def extract(self, documents: Sequence[Document], chunks: Sequence[Chunk]) -> list[Extraction]:
        """Extract from the chunks that no extraction is stored of; extractions of other chunks are removed."""
        stage = self.stages["extract"]
        extractor = self.extractor
        if extractor is None:
            self.store.replace(Extraction, ())
            return []
        # An imported fact belongs to a document, and may be in any of its chunks.
        max_tokens = sys.maxsize if self.config.extractor == IMPORT else self.config.extract_tokens or 0
        inputs = extraction_inputs(documents, chunks, max_tokens)
        keys = {item.id: extractor.key(item) for item in inputs}
        stored = {extraction.chunk_id: extraction for extraction in self.store.read(Extraction)}
        kept: list[Extraction] = []
        pending = []
        for item in inputs:
            ids, key = [part.id for part in item.chunks], keys[item.id]
            # A list and no generator: every chunk of an input is recorded as finished, not only those up to the first
            # that is not.
            finished = [stage.finished(chunk_id, key, has_rows=chunk_id in stored) for chunk_id in ids]
            if all(finished):
                kept += (stored[chunk_id] for chunk_id in ids if chunk_id in stored)
            elif any(character.isalnum() for part in item.chunks for character in part.text):
                pending.append(item)
            else:
                for chunk_id in ids:
                    stage.skipped(chunk_id, key, f"a passage of {item.source} has no words")
        self.store.replace(Extraction, sorted(kept, key=lambda extraction: extraction.chunk_id))
        # Each outcome is committed as it comes in, so that a killed build loses the calls in flight alone. Closing the
        # results ends those calls when an error leaves this block.
        with (
            self.progress.step("extract facts", len(inputs), "passages", len(inputs) - len(pending)) as step,
            closing(call_all(self.executor, extractor, pending)) as results,
        ):
            for item, outcome in results:
                self._keep_extractions(stage, item, keys[item.id], outcome)
                step.advance()
        stage.forget_others()
        return list(self.store.read(Extraction))

    def _keep_extractions(
        self, stage: StageJournal, item: ExtractionInput, key: str, outcome: ExtractionOutcome | Exception
    ) -> None:
        """Store the extractions of an input and journal each of its chunks; the cost goes with the first."""
        first, *others = [part.id for part in item.chunks]
        if isinstance(outcome, OutputError) and not outcome.recorded:
            self.spent += wasted_usage(outcome)
        with self.store.transaction():
            if isinstance(outcome, Exception):
                stage.failed(first, key, outcome)
                for chunk_id in others:
                    stage.failed(chunk_id, key, f"was extracted with {first}, which failed")
                return
            stage.done(first, key, outcome.extractions, outcome.usage, outcome.model_seconds)
            for chunk_id in others:
                stage.done(chunk_id, key)
        self.spent += outcome.new_usage

    def resolve(
        self, documents: Sequence[Document], chunks: Sequence[Chunk], extractions: Sequence[Extraction]
    ) -> None:
        """Make entities and facts from all extractions and rulings, unless they were made from the same ones."""
        stage = self.stages["resolve"]
        rulings = standing_rulings(self.store.read(Ruling))
        judge = None if self.models.judge is None else Judge(self.models.judge)
        settings = self.config.resolve.model_dump(mode="json")
        # Everything that entities depend on; the documents' sources are part of it through the ids of chunks.
        models = (self.models.encoder.digest, judge and judge.digest)
        decisions = [asdict(ruling) for ruling in rulings]
        key = digest(_RULES, settings, *models, decisions, [asdict(extraction) for extraction in extractions])
        with self.progress.step("resolve entities", total=1, unit="graph") as step:
            # What the judge failed to decide is an item of its own, with the graph's key.
            items = ["graph", *(item for item, entry in stage.before.items() if item != "graph" and entry.key == key)]
            finished = [stage.finished(item, key) for item in items]
            if not all(finished):
                began = time.perf_counter()
                source_of_document = {document.id: document.source for document in documents}
                source_of = {part.id: source_of_document[part.document_id] for part in chunks}
                resolution = resolve(
                    extractions, source_of, self.models.encoder, self.config.resolve, rulings=rulings, judge=judge
                )
                self._keep_resolution(stage, key, resolution, judge, began)
            step.advance()

    def _keep_resolution(
        self, stage: StageJournal, key: str, resolution: Resolution, judge: Judge | None, began: float
    ) -> None:
        """Store entities, facts and merges, and journal them with what the judge could not decide."""
        with self.store.transaction():
            self.store.replace(Entity, resolution.entities)
            self.store.replace(Fact, resolution.facts)
            self.store.replace(Merge, resolution.merges)
            # Written on demand; where the same one is wanted again, its recorded call costs nothing.
            self.store.replace(Description, ())
            usage = Usage() if judge is None else judge.usage
            stage.done("graph", key, usage=usage, seconds=time.perf_counter() - began)
            if judge is not None:
                for pair, error in judge.failures.items():
                    stage.failed(pair, key, str(error))
            stage.forget_others()
        if judge is not None:
            self.spent += judge.spent

    def find_communities(self) -> None:
        """Divide the graph, unless this very graph is divided already; outdated reports are removed."""
        stage = self.stages["communities"]
        entities, facts = list(self.store.read(Entity)), list(self.store.read(Fact))
        settings = self.config.communities.model_dump(mode="json")
        # Ids follow from content: the same ids are the same graph. Another version of the library may divide otherwise.
        nodes, edges = [entity.id for entity in entities], [fact.id for fact in facts]
        key = digest(_RULES, settings, native_version(), nodes, edges)
        with self.progress.step("find communities", total=1, unit="graph") as step:
            if not stage.finished("graph", key):
                began = time.perf_counter()
                communities = detect(entities, facts, self.config.communities)
                handles = assign_handles(self.store.read(Handle), self.store.read(Community), communities)
                with self.store.transaction():
                    self.store.replace(Community, communities)
                    self.store.replace(Handle, handles)
                    stage.done("graph", key, seconds=time.perf_counter() - began)
            keep_valid(self.store)
            step.advance()

    def summary(self) -> IndexSummary:
        """Count what the store holds and what it cost."""
        stages = self.stages.values()
        entries = [entry for stage in stages for entry in stage.outcomes.values()]
        extractions = list(self.store.read(Extraction))
        facts = self._fact_account(extractions)
        failures = (*self._failures(), *facts.failures)
        skips = (*(skip for stage in stages for skip in stage.skips()), *facts.skips)
        reading = self.readings.measure(self.store.read(Document), self.store.read(Chunk))
        unread = [ItemNote("embed", "", notice) for notice in self.readings.notices(reading)]
        seconds = time.perf_counter() - self.began
        return IndexSummary(
            digest=self.store.digest(),
            documents=_count(self.store.read(Document)),
            chunks=_count(self.store.read(Chunk)),
            entities=_count(self.store.read(Entity)),
            facts=_count(self.store.read(Fact)),
            communities=_count(self.store.read(Community)),
            failed=len(failures),
            skipped=len(skips),
            dropped=sum(row.dropped for row in extractions),
            tokens_in=sum(entry.tokens_in for entry in entries),
            tokens_out=sum(entry.tokens_out for entry in entries),
            tokens_estimated=self.spent.estimated or any(entry.reason == ESTIMATED for entry in entries),
            seconds=sum(entry.seconds for entry in entries),
            spent=BuildCost(
                self.spent.tokens_in, self.spent.tokens_out, self.spent.cached, seconds, self.spent.estimated
            ),
            failures=failures,
            skips=skips,
            notices=(*(notice for stage in stages for notice in stage.notices()), *unread),
            counts=self._counts(facts),
            encoder_read=reading,
        )

    def _failures(self) -> list[FailedItem]:
        """The failed items of all stages; a passage, whose id says nothing to a person, with its file."""
        failures = [failure for stage in self.stages.values() for failure in stage.failures()]
        passages = {failure.item for failure in failures if failure.stage == "extract"}
        if not passages:
            return failures
        file_of = {document.id: document.source for document in self.store.read(Document)}
        source_of = {
            part.id: file_of.get(part.document_id, "") for part in self.store.read(Chunk) if part.id in passages
        }
        return [replace(failure, source=source_of.get(failure.item, "")) for failure in failures]

    def _fact_account(self, extractions: Sequence[Extraction]) -> FactAccount:
        """How the facts of a file of facts ended; nothing for another extractor."""
        if not isinstance(self.extractor, AccountingExtractor):
            return FactAccount()
        source_of = {document.id: document.source for document in self.store.read(Document)}
        source_of_chunk = {part.id: source_of.get(part.document_id, "") for part in self.store.read(Chunk)}
        sources = {row.chunk_id: source_of_chunk.get(row.chunk_id, "") for row in extractions}
        return self.extractor.account(sources, extractions, self.store.read(Fact))

    def _counts(self, facts: FactAccount) -> dict[str, ItemCounts]:
        counts = load_counts(self.loaded)
        of_stages = {"documents": self.stages["chunk"].counts(), "passages": self.stages["extract"].counts()}
        of_stages["facts"] = facts.counts
        return counts | {kind: numbers for kind, numbers in of_stages.items() if numbers.total}


def _count(rows: Iterable[object]) -> int:
    return sum(1 for _ in rows)
