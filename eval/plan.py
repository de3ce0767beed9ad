"""Estimates what a run would cost before anything is spent: calls, tokens, money and time of every stage.

Documents and items are counted exactly, and chunks as they are without the encoder's window, which makes more of them
in scripts that the encoder reads piece by piece. Tokens are estimated from characters, and time from speeds measured on
two AVX-512 cores, so that an accelerator is faster and a laptop slower. Stages that an earlier start has finished are
not counted again. No weights are loaded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from eval.arms.answering import choice_prefix, option_texts
from eval.arms.prices import price_of
from eval.arms.readers import estimated_tokens
from eval.config import Experiment
from eval.resolved import ResolvedExperiment, resolve_experiment
from eval.runs.folder import find_runs
from eval.runs.results import METRICS
from eval.systems import NONE, ORACLE
from eval.types import Item
from kg.config import IndexConfig
from kg.documents.chunk import chunk
from kg.documents.load import LoadedFile, load, load_account
from kg.extraction.examples import extraction_prompt
from kg.extraction.protocol import extraction_inputs
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
"""Tokens that an extractor writes for each token of its input."""
RETRIEVAL_S = 0.05
"""Time of a query of a retriever that calls no chat model, in seconds."""
ANSWER_TOKENS = 8
"""Length of a short answer, in tokens."""
HEADING_TOKENS = 16
"""Length of the number, title and date of a packed passage, in tokens."""
PARAPHRASE_PROMPT = 100
"""Length of the prompt of a paraphrase without the text, in tokens."""


@dataclass(frozen=True, slots=True)
class ModelSpeed:
    """Speed of a model in tokens a second.

    Attributes:
        read: Tokens of a prompt.
        write: Tokens of an answer.
        train: Tokens of training texts.
    """

    read: float
    write: float
    train: float


SPEEDS = {
    ("qwen2.5-coder-1.5b-instruct", "llamacpp"): ModelSpeed(65, 21, 0),
    ("qwen2.5-coder-1.5b-instruct", "transformers"): ModelSpeed(117, 5, 80),
    ("smollm2-135m-instruct", "transformers"): ModelSpeed(1000, 20, 240),
}
"""Measured on two AVX-512 cores."""

UNKNOWN = ModelSpeed(178, 10, 80)
"""Speeds assumed for other models: about those of one with 1.5 billion parameters."""


@dataclass(frozen=True, slots=True)
class PlannedStage:
    """One stage, and what it would still cost.

    Attributes:
        name: Name of the stage.
        calls: Number of model calls.
        tokens_in: Tokens read.
        tokens_out: Tokens written.
        seconds: Time.
        usd: Cost in US dollars.
    """

    name: str
    calls: int
    tokens_in: int
    tokens_out: int
    seconds: float
    usd: float


@dataclass(frozen=True, slots=True)
class ExperimentPlan:
    """The stages of an experiment, and what they would cost.

    Attributes:
        name: Name of the experiment.
        documents: Number of documents of the corpus.
        passages: Number of chunks that they are split into.
        items: Number of questions.
        arms: Number of arms; each training seed counts as one.
        stages: Stages in order.
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
        totals = {}
        for name in fields:
            totals[name] = sum(getattr(stage, name) for stage in self.stages)
        return {"schema_version": 1, **asdict(self), "total": totals}


@dataclass(frozen=True, slots=True)
class _CorpusTokens:
    """The corpus as it would be indexed.

    Attributes:
        documents: Number of documents.
        chunk_tokens: Length of each chunk in tokens.
        input_tokens: Length in tokens of each input of the extractor that has not been extracted yet.
    """

    documents: int
    chunk_tokens: tuple[int, ...]
    input_tokens: tuple[int, ...]


def speed_of(name: str) -> ModelSpeed:
    """Measured or assumed speed of a model."""
    if is_dotted(name) or name in WITHOUT_CHAT:
        return UNKNOWN
    config = load_model(name)
    return SPEEDS.get((str(getattr(config, "weights", "")), config.backend), UNKNOWN)


def plan_experiment(experiment: Experiment, workspace: Path | None = None) -> ExperimentPlan:
    """Estimate an experiment.

    Args:
        experiment: The experiment.
        workspace: See `run_experiment`.
    Raises:
        ConfigError: A name or setting is wrong.
        InputError: Questions or documents cannot be used.
    """
    resolved = resolve_experiment(experiment)
    folder = workspace or Path(experiment.workspace)
    corpus = _corpus(_documents(resolved), resolved.experiment.index, folder)
    stages = (
        *_setup_stages(resolved, corpus, folder),
        *_run_stages(resolved, folder, _context_tokens(experiment, corpus)),
    )
    seeds = len(resolved.experiment.train.configs()) if resolved.experiment.train else 1
    arms = sum(seeds if arm.adapter is True else 1 for arm in resolved.experiment.arms)
    return ExperimentPlan(
        experiment.name, corpus.documents, len(corpus.chunk_tokens), len(resolved.items), arms, stages
    )


def plan_corpus(config: IndexConfig, root: Path, workspace: Path) -> dict[str, Any]:
    """Estimate the indexing of a folder: documents, chunks, and the calls, tokens, seconds and dollars left to spend.

    Returns:
        Estimates by name; and under "counts", "failures", "skips" and "notices" how the files can be read.
    Raises:
        InputError: There is no document to read.
    """
    return plan_files(config, list(load(root, config.encoding)), workspace)


def plan_files(config: IndexConfig, files: Sequence[LoadedFile], workspace: Path) -> dict[str, Any]:
    """Estimate the indexing of some files, as `plan_corpus` does."""
    corpus = _corpus([document for file in files for document in file.documents], config, workspace)
    stage = next(_extract_stage(config, corpus), PlannedStage("extract", 0, 0, 0, 0.0, 0.0))
    costs = {name: value for name, value in asdict(stage).items() if name != "name"}
    account = asdict(load_account(files))
    return {"documents": corpus.documents, "passages": len(corpus.chunk_tokens), **costs, **account}


def _corpus(documents: list[Document], config: IndexConfig, folder: Path) -> _CorpusTokens:
    sentences = RuleSentences()
    limit = config.max_document_characters or float("inf")
    chunks: list[Chunk] = []
    for document in documents:
        if len(document.text) <= limit:
            chunks += chunk(document, config.chunk_tokens, sentences, config.overlap_sentences)
    extracted = _extracted_texts(folder)
    input_tokens = []
    for source in extraction_inputs(documents, chunks, config.extract_tokens or 0):
        texts = [part.text for part in source.chunks]
        if not extracted.issuperset(texts):
            input_tokens.append(sum(map(estimated_tokens, texts)))
    return _CorpusTokens(len(documents), tuple(estimated_tokens(part.text) for part in chunks), tuple(input_tokens))


def _documents(resolved: ResolvedExperiment) -> list[Document]:
    documents = resolved.experiment.documents
    if resolved.articles is not None:
        return list(resolved.articles.documents)
    if documents is None or documents.path is None:
        return []
    sources = load(resolved.experiment.path(documents.path), resolved.experiment.index.encoding)
    return [document for loaded in sources for document in loaded.documents]


def _extracted_texts(folder: Path) -> set[str]:
    """Texts of the chunks that the workspace has extracted already."""
    if not Workspace.exists(folder) or not (folder / STORE).is_file():
        return set()
    with Workspace.open(folder) as workspace:
        extracted = {extraction.chunk_id for extraction in workspace.store.read(Extraction)}
        return {part.text for part in workspace.store.read(Chunk) if part.id in extracted}


def _setup_stages(resolved: ResolvedExperiment, corpus: _CorpusTokens, folder: Path) -> Iterator[PlannedStage]:
    experiment = resolved.experiment
    yield from _extract_stage(experiment.index, corpus)
    train = experiment.train
    if train is None or not experiment.trains:
        return
    weights = base_config(experiment.reader_name).weights
    base = {weights, identity(weights)}  # weights on a hub are known only by name until they are downloaded
    manifests = [manifest for _, manifest in list_adapters(folder / "adapters")]
    trained = [manifest.config for manifest in manifests if {manifest.base_weights, manifest.base_digest} & base]
    configs = train.configs()
    texts = corpus.documents if train.whole_documents else len(corpus.chunk_tokens)
    # A paraphrase is taken to be as long as its text; only a share of the texts is paraphrased.
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


def _extract_stage(config: IndexConfig, corpus: _CorpusTokens) -> Iterator[PlannedStage]:
    """The calls for chunks that are not extracted yet; none without an extractor."""
    if config.extractor in WITHOUT_CHAT or not corpus.chunk_tokens:
        return
    prompt = sum(estimated_tokens(text) for _, text in extraction_prompt(config.extract).turns)
    calls, tokens = len(corpus.input_tokens), sum(corpus.input_tokens)
    written = round(tokens * EXTRACT_OUT_SHARE)
    yield _stage("extract", config.extractor, calls, calls * prompt + tokens, written, shared=calls * prompt)


def _stage(name: str, model: str, calls: int, tokens_in: int, tokens_out: int, shared: int = 0) -> PlannedStage:
    """A stage of calls; `shared` of the tokens read begin every prompt, so that the prefix cache has them: no time."""
    speed = speed_of(model)
    # Reading and writing are timed apart: a token written takes several times as long as one read.
    seconds = (tokens_in - shared) / speed.read + tokens_out / speed.write
    return PlannedStage(name, calls, tokens_in, tokens_out, seconds, price_of(model)(tokens_in, tokens_out, seconds))


def _context_tokens(experiment: Experiment, corpus: _CorpusTokens) -> int:
    """Length of a packed context in tokens: its passages with their headings, within the budget."""
    if not corpus.chunk_tokens:
        return 0
    average = sum(corpus.chunk_tokens) / len(corpus.chunk_tokens)
    return min(experiment.context_tokens, round(experiment.passages * (average + HEADING_TOKENS)))


def _run_stages(resolved: ResolvedExperiment, folder: Path, context_tokens: int) -> Iterator[PlannedStage]:
    experiment = resolved.experiment
    frozen, answered = _finished(resolved, folder)
    for key, arm in {arm.context_key: arm for arm in experiment.arms if arm.context_key != NONE}.items():
        left = sum((key, item.id) not in frozen for item in resolved.items)
        planned = None if arm.retriever == ORACLE else planned_calls(arm.retriever, arm.settings)
        if planned is None:
            yield PlannedStage(f"retrieve: {key}", 0, 0, 0, left * RETRIEVAL_S, 0.0)
        else:
            calls = left * planned.calls
            tokens = calls * planned.tokens_in, calls * planned.tokens_out
            yield _stage(f"retrieve: {key}", planned.model, calls, *tokens)
    seeds = list(experiment.train.configs()) if experiment.train else []
    for arm in experiment.arms:
        has_seeds = arm.adapter is True and len(seeds) > 1
        names = [f"{arm.name}#{seed}" for seed in seeds] if has_seeds else [arm.name]
        context = context_tokens if arm.retriever != NONE else 0
        for name in names:
            items = [item for item in resolved.items if (name, item.id) not in answered]
            read = sum(_prompt_tokens(item, resolved) + context for item in items)
            written = sum(ANSWER_TOKENS for item in items if not item.choices)
            yield _stage(f"answer: {name}", experiment.reader_name, len(items), read, written)


def _prompt_tokens(item: Item, resolved: ResolvedExperiment) -> int:
    if not item.choices:
        characters = sum(len(text) for _, text in resolved.prompts.short.turns) + len(item.question)
        return round(characters / CHARACTERS_PER_TOKEN)
    scoring = resolved.experiment.scoring
    options = sum(estimated_tokens(text) for text in option_texts(item, scoring))
    return estimated_tokens(choice_prefix(item, "", resolved.prompts, scoring)) + options


def _finished(
    resolved: ResolvedExperiment, folder: Path
) -> tuple[Mapping[tuple[str, str], Any], Mapping[tuple[str, str], Any]]:
    """Contexts and samples of the run that a start would continue."""
    runs = find_runs(folder / "runs", resolved.config_hash, resolved.inputs)
    # A run without metrics is unfinished, and the one that a start would continue.
    for run in sorted(runs, key=lambda run: not run.file(METRICS).is_file()):
        return run.contexts(), run.samples()
    return {}, {}
