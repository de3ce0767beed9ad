"""What a run would cost before it is paid for: calls, tokens, money and time a stage; no weights are loaded.

Documents, passages and items are counted as they are; tokens a call are estimated from characters, and
time from speeds measured on two AVX-512 cores, so an accelerator is faster and a laptop slower. What an
earlier start has done is not counted again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from eval.arms.answering import choice_prefix, option_texts
from eval.arms.prices import price_of
from eval.arms.readers import estimated_tokens
from eval.config import Experiment
from eval.resolved import Resolved, resolve_experiment
from eval.runs.folder import find_runs
from eval.runs.results import METRICS
from eval.systems import NONE, ORACLE
from eval.types import Item
from kg.config import IndexConfig
from kg.documents.chunk import chunk
from kg.documents.load import load
from kg.extraction.examples import extraction_prompt
from kg.extraction.protocol import passages_of
from kg.extraction.registry import WITHOUT_CHAT
from kg.language.sentences import RuleSentences
from kg.schema import Chunk, Document, Extraction
from kg.workspace import STORE, Workspace
from models.calls.prompt import CHARACTERS_PER_TOKEN
from models.config import load_model
from models.runtime.dotted import is_dotted
from models.weights.resolve import identity
from retrieval.retrievers.registry import planned_calls
from training.runs.adapter import list_adapters
from training.runs.request import base_config

EXTRACT_OUT_SHARE = 0.9
RETRIEVAL_S = 0.05
ANSWER_TOKENS = 8
HEADING_TOKENS = 16
PARAPHRASE_PROMPT = 100


@dataclass(frozen=True, slots=True)
class Speed:
    """Tokens a second: read in a prompt, written, and trained on."""

    read: float
    write: float
    train: float


SPEEDS = {
    ("qwen2.5-coder-1.5b-instruct", "llamacpp"): Speed(65, 21, 0),
    ("qwen2.5-coder-1.5b-instruct", "transformers"): Speed(117, 5, 80),
    ("smollm2-135m-instruct", "transformers"): Speed(1000, 20, 240),
}
"""Measured on two AVX-512 cores."""

UNKNOWN = Speed(178, 10, 80)
"""Of a model that nobody measured: about those of one with 1.5 billion parameters."""


@dataclass(frozen=True, slots=True)
class PlannedStage:
    """One stage: how many model calls, tokens, seconds and dollars are still to be spent."""

    name: str
    calls: int
    tokens_in: int
    tokens_out: int
    seconds: float
    usd: float


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done, and what it would cost.

    Attributes:
        name: The experiment.
        documents: Documents of the corpus.
        passages: Passages they give.
        items: Questions.
        arms: Arms, training seeds counted singly.
        stages: In order.
    """

    name: str
    documents: int
    passages: int
    items: int
    arms: int
    stages: tuple[PlannedStage, ...]

    def to_json(self) -> dict[str, Any]:
        """The plan as JSON, with totals."""
        fields = ("calls", "tokens_in", "tokens_out", "seconds", "usd")
        totals = {name: sum(getattr(stage, name) for stage in self.stages) for name in fields}
        return {"schema_version": 1, **asdict(self), "total": totals}


@dataclass(frozen=True, slots=True)
class _Corpus:
    """The corpus as it would be indexed: tokens of each chunk, and of each passage that is not read yet."""

    documents: int
    chunk_tokens: tuple[int, ...]
    unread_tokens: tuple[int, ...]


def speed_of(name: str) -> Speed:
    """Measured or assumed speed of a model."""
    if is_dotted(name) or name in WITHOUT_CHAT:
        return UNKNOWN
    config = load_model(name)
    return SPEEDS.get((str(getattr(config, "weights", "")), config.backend), UNKNOWN)


def plan(experiment: Experiment, workspace: Path | None = None) -> Plan:
    """Estimate an experiment.

    Args:
        experiment: What would be run.
        workspace: As of `run_experiment`.
    Raises:
        ConfigError: A name or setting is wrong.
        InputError: Questions or documents cannot be used.
    """
    resolved = resolve_experiment(experiment)
    folder = workspace or Path(experiment.workspace)
    corpus = _corpus(_documents(resolved), resolved.experiment.index, folder)
    stages = (
        *_setup_stages(resolved, corpus, folder),
        *_run_stages(resolved, folder, _shown(experiment, corpus)),
    )
    seeds = len(resolved.experiment.train.configs()) if resolved.experiment.train else 1
    arms = sum(seeds if arm.adapter is True else 1 for arm in resolved.experiment.arms)
    return Plan(experiment.name, corpus.documents, len(corpus.chunk_tokens), len(resolved.items), arms, stages)


def plan_corpus(config: IndexConfig, root: Path, workspace: Path) -> dict[str, Any]:
    """Estimate the indexing of a folder: documents, passages, and the calls, tokens, seconds and dollars left.

    Raises:
        InputError: There is nothing to read.
    """
    return plan_documents(config, [row for loaded in load(root) for row in loaded.documents], workspace)


def plan_documents(config: IndexConfig, documents: list[Document], workspace: Path) -> dict[str, Any]:
    """Estimate the indexing of some documents, as `plan_corpus` does."""
    corpus = _corpus(documents, config, workspace)
    stage = next(_extract_stage(config, corpus), PlannedStage("extract", 0, 0, 0, 0.0, 0.0))
    costs = {name: value for name, value in asdict(stage).items() if name != "name"}
    return {"documents": corpus.documents, "passages": len(corpus.chunk_tokens), **costs}


def _corpus(documents: list[Document], config: IndexConfig, folder: Path) -> _Corpus:
    sentences = RuleSentences()
    limit = config.max_document_characters or float("inf")
    chunks = [
        row
        for document in documents
        if len(document.text) <= limit
        for row in chunk(document, config.chunk_tokens, sentences, config.overlap_sentences)
    ]
    read = _read_texts(folder)
    unread = [
        sum(estimated_tokens(row.text) for row in passage.chunks)
        for passage in passages_of(documents, chunks, config.extract_tokens or 0)
        if any(row.text not in read for row in passage.chunks)
    ]
    return _Corpus(len(documents), tuple(estimated_tokens(row.text) for row in chunks), tuple(unread))


def _documents(resolved: Resolved) -> list[Document]:
    documents = resolved.experiment.documents
    if resolved.articles is not None:
        return list(resolved.articles.documents)
    if documents is None or documents.path is None:
        return []
    return [row for loaded in load(resolved.experiment.path(documents.path)) for row in loaded.documents]


def _read_texts(folder: Path) -> set[str]:
    """Texts of the passages that the workspace has read."""
    if not Workspace.exists(folder) or not (folder / STORE).is_file():
        return set()
    with Workspace.open(folder) as workspace:
        read = {row.chunk_id for row in workspace.store.read(Extraction)}
        return {row.text for row in workspace.store.read(Chunk) if row.id in read}


def _setup_stages(resolved: Resolved, corpus: _Corpus, folder: Path) -> Iterator[PlannedStage]:
    experiment = resolved.experiment
    yield from _extract_stage(experiment.index, corpus)
    train = experiment.train
    if train is None or not experiment.trains:
        return
    weights = base_config(experiment.reader_name).weights
    base = {weights, identity(weights)}  # weights of a hub are known by name until they are fetched
    manifests = [manifest for _, manifest in list_adapters(folder / "adapters")]
    trained = [manifest.config for manifest in manifests if {manifest.base_weights, manifest.base_digest} & base]
    configs = train.configs()
    texts = corpus.documents if train.whole_documents else len(corpus.chunk_tokens)
    total = sum(corpus.chunk_tokens)
    written = total * train.paraphrases * min(1.0, train.paraphrase_share)
    if train.paraphrases and not any(config in trained for config in configs.values()):
        calls = texts * train.paraphrases
        read = total * train.paraphrases + PARAPHRASE_PROMPT * calls
        yield _stage("paraphrase", train.paraphraser, calls, read, round(written), shared=PARAPHRASE_PROMPT * calls)
    for seed, config in configs.items():
        if config not in trained:
            tokens = round((total * train.raw + written) * train.epochs)
            seconds = tokens / (speed_of(experiment.reader_name).train or UNKNOWN.train)
            yield PlannedStage(f"train: seed {seed}", 0, tokens, 0, seconds, 0.0)


def _extract_stage(config: IndexConfig, corpus: _Corpus) -> Iterator[PlannedStage]:
    """The calls for passages that are not read yet; none without an extractor."""
    if config.extractor in WITHOUT_CHAT or not corpus.chunk_tokens:
        return
    prompt = sum(estimated_tokens(text) for _, text in extraction_prompt(config.extract).turns)
    calls, tokens = len(corpus.unread_tokens), sum(corpus.unread_tokens)
    written = round(tokens * EXTRACT_OUT_SHARE)
    yield _stage("extract", config.extractor, calls, calls * prompt + tokens, written, shared=calls * prompt)


def _stage(name: str, model: str, calls: int, tokens_in: int, tokens_out: int, shared: int = 0) -> PlannedStage:
    """A stage of calls; `shared` of the tokens read are the beginning of every call, and kept: they take no time."""
    speed = speed_of(model)
    seconds = (tokens_in - shared) / speed.read + tokens_out / speed.write
    return PlannedStage(name, calls, tokens_in, tokens_out, seconds, price_of(model)(tokens_in, tokens_out, seconds))


def _shown(experiment: Experiment, corpus: _Corpus) -> int:
    """Tokens of a packed context: its passages with their headings, as far as the budget goes."""
    if not corpus.chunk_tokens:
        return 0
    average = sum(corpus.chunk_tokens) / len(corpus.chunk_tokens)
    return min(experiment.context_tokens, round(experiment.passages * (average + HEADING_TOKENS)))


def _run_stages(resolved: Resolved, folder: Path, shown: int) -> Iterator[PlannedStage]:
    experiment = resolved.experiment
    frozen, answered = _done(resolved, folder)
    for key, arm in {arm.context_key: arm for arm in experiment.arms if arm.context_key != NONE}.items():
        left = sum((key, item.id) not in frozen for item in resolved.items)
        asked = None if arm.retriever == ORACLE else planned_calls(arm.retriever, arm.settings)
        if asked is None:
            yield PlannedStage(f"retrieve: {key}", 0, 0, 0, left * RETRIEVAL_S, 0.0)
        else:
            calls = left * asked.calls
            yield _stage(f"retrieve: {key}", asked.model, calls, calls * asked.tokens_in, calls * asked.tokens_out)
    seeds = list(experiment.train.configs()) if experiment.train else []
    for arm in experiment.arms:
        several = arm.adapter is True and len(seeds) > 1
        for name in [f"{arm.name}#{seed}" for seed in seeds] if several else [arm.name]:
            items = [item for item in resolved.items if (name, item.id) not in answered]
            context = shown if arm.retriever != NONE else 0
            read = sum(_prompt_tokens(item, resolved) + context for item in items)
            written = sum(ANSWER_TOKENS for item in items if not item.choices)
            yield _stage(f"answer: {name}", experiment.reader_name, len(items), read, written)


def _prompt_tokens(item: Item, resolved: Resolved) -> int:
    if not item.choices:
        words = sum(len(text) for _, text in resolved.prompts.short.turns) + len(item.question)
        return round(words / CHARACTERS_PER_TOKEN)
    scoring = resolved.experiment.scoring
    options = sum(estimated_tokens(text) for text in option_texts(item, scoring))
    return estimated_tokens(choice_prefix(item, "", resolved.prompts, scoring)) + options


def _done(resolved: Resolved, folder: Path) -> tuple[Mapping[tuple[str, str], Any], Mapping[tuple[str, str], Any]]:
    """Contexts and samples of the run that a start would go on with."""
    runs = find_runs(folder / "runs", resolved.config_hash, resolved.inputs)
    for run in sorted(runs, key=lambda run: not run.file(METRICS).is_file()):
        return run.contexts(), run.samples()
    return {}, {}
