"""What the command line does, as a few typed functions for notebooks and scripts.

    from app.api import ask, index
    summary = index("articles/", "kb", extractor="qwen-1.5b")
    answer = ask("Who leads Orrin Dynamics?", "kb")
    print(answer.text, [citation.source for citation in answer.citations])

Each function opens what it needs and closes it again; nothing is kept between calls.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.opening import PathLike, Spending, find_workspace, opened, session
from models.errors import ConfigError, InputError
from models.progress import SILENT, Progress

if TYPE_CHECKING:
    from app.removal import Removal
    from eval.config import Experiment
    from eval.results import RunResult
    from kg.change import Changes, Given
    from kg.config import IndexConfig
    from kg.learn_schema import Learnt
    from kg.summary import IndexSummary
    from models.chats import Chats
    from models.protocols import ChatModel
    from retrieval.answer import Answer
    from retrieval.long_answer import LongAnswer
    from retrieval.pack import PackSettings
    from retrieval.subset import Limits
    from retrieval.types import PackedContext, Retrieved, Retriever
    from training.cloze import ClozeResult
    from training.config import TrainConfig
    from training.hop_config import HopConfig
    from training.probe import ProbeResult


@dataclass(frozen=True, slots=True)
class AskSettings:
    """How a question is answered.

    Attributes:
        model: Chat model that answers, and that the retriever asks if it asks one.
        retriever: Name of the retriever.
        limit: Most passages.
        context_tokens: Budget of the packed evidence.
        limits: Times and types that the search is limited to; None for none.
        packing: How the budget is shared between kinds of evidence; None for the shipped way.
        threshold: Least confidence of an answer that is given, in [0, 1]; None for the shipped one.
    """

    model: str = "qwen-1.5b"
    retriever: str = "graph"
    limit: int = 5
    context_tokens: int = 1200
    limits: Limits | None = None
    packing: PackSettings | None = None
    threshold: float | None = None


def index(
    folder: PathLike,
    workspace: PathLike,
    *,
    extractor: str = "qwen-1.5b",
    encoder: str = "minilm",
    facts: PathLike | None = None,
    spending: Spending | None = None,
    **settings: Any,
) -> IndexSummary:
    """Build, or bring up to date, the knowledge base of a folder of documents.

    Args:
        folder: A file or folder of txt, md, html, JSONL, CSV, pdf.
        workspace: Folder of the knowledge base; made if missing.
        extractor: Chat model that reads facts, "nlp" to parse, "import" for `facts`, "none" for passages alone.
        encoder: Encoder of passages and names.
        facts: File of facts to import.
        spending: Budget and progress.
        **settings: Further fields of `kg.config.IndexConfig`.
    Returns:
        Counts, failures and cost.
    Raises:
        InputError: No document could be read.
        ModelError: The extractor cannot be reached.
        BudgetReached: The budget is used up; the same call goes on.
    """
    from kg.config import IndexConfig

    config = _changed(IndexConfig(), {"extractor": extractor, "encoder": encoder, **settings})
    return index_with(config, Path(folder), Path(workspace), spending or Spending(), Path(facts) if facts else None)


def index_config(workspace: Path, file: Path | None = None, **given: Any) -> IndexConfig:
    """The settings to index with: those given, else the file's, else the workspace's own, else the defaults.

    Raises:
        ConfigError: The file or a setting cannot be used.
    """
    from kg.config import IndexConfig
    from kg.workspace import CONFIG

    known = workspace / CONFIG
    base = IndexConfig.read(file or known) if file or known.is_file() else IndexConfig()
    return _changed(base, {name: value for name, value in given.items() if value is not None})


def _changed(base: IndexConfig, given: Mapping[str, Any]) -> IndexConfig:
    """The settings with some of them changed, and checked."""
    from pydantic import ValidationError

    from models.errors import describe

    try:
        return base.model_validate({**base.model_dump(), **given})
    except ValidationError as error:
        raise ConfigError(f"These settings cannot be used: {describe(error)}. Correct them.") from error


def learn_schema(
    folder: PathLike, *, extractor: str = "nlp", sample: int = 20, most: int = 30, progress: Progress = SILENT
) -> Learnt:
    """Count the kinds and relations that an extractor finds in a sample of documents; nothing is kept.

    Raises:
        InputError: No document can be read.
        ModelError: The extractor cannot be reached.
    """
    from kg.config import IndexConfig
    from kg.extractors import WITHOUT_CHAT, open_extractor
    from kg.learn_schema import learn
    from kg.load import load
    from kg.sentences import RuleSentences
    from models.factory import open_chat

    config, sentences = _changed(IndexConfig(), {"extractor": extractor}), RuleSentences()
    documents = [document for loaded in load(Path(folder)) for document in loaded.documents]
    if not documents:
        raise InputError(f"no document in {folder} can be read: name a folder of txt, md, html, JSONL, CSV or pdf")
    opened = nullcontext(None) if extractor in WITHOUT_CHAT else closing(open_chat(extractor, progress=progress))
    with opened as chat:
        reads = open_extractor(config, chat, sentences)
        if reads is None:
            raise ConfigError('the extractor "none" finds nothing to learn from: use "nlp" or a chat model')
        return learn(documents, reads, sentences, sample, most, config.chunk_tokens, progress)


def plan_index(config: IndexConfig, folder: Path, workspace: Path) -> dict[str, Any]:
    """What `index_with` would cost: calls, tokens, seconds, dollars; nothing is spent."""
    from eval.plan import plan_corpus

    return plan_corpus(config, folder, workspace)


def index_with(
    config: IndexConfig, folder: Path, workspace: Path, spending: Spending, facts: Path | None = None
) -> IndexSummary:
    """`index` with a ready configuration: the graph first, then the arrays that retrieval reads."""
    from kg.load import list_sources
    from kg.session import index_folder, open_session
    from models.factory import open_encoder
    from retrieval.index import GraphIndex

    list_sources(folder)  # nothing is created for a folder that cannot be read
    encoder = open_encoder(config.encoder, spending.progress)
    with open_session(workspace, config, spending.budget(), spending.progress, spending.retry_failed) as paid:
        summary = index_folder(paid, folder, encoder, facts)
        space = paid.workspace
        GraphIndex.of(space, encoder, spending.progress)
    return summary


def update(
    paths: PathLike | Sequence[PathLike],
    workspace: PathLike | None = None,
    *,
    root: PathLike | None = None,
    facts: PathLike | None = None,
    spending: Spending | None = None,
) -> Changes:
    """Read new and changed documents into a knowledge base; documents of all other sources stay.

    Args:
        paths: A file or folder, or several.
        workspace: The knowledge base.
        root: Folder that sources are named relative to; None finds the one that was indexed.
        facts: File of facts to import, where that is the extractor.
        spending: Budget and progress.
    Raises:
        InputError: A path does not exist, or holds nothing that can be read.
        ModelError: The extractor cannot be reached.
        BudgetReached: The budget is used up; the same call goes on.
    """
    from kg.session import update_sources
    from kg.workspace import Workspace
    from models.factory import open_encoder
    from retrieval.index import GraphIndex

    spending = spending or Spending()
    with Workspace.open(find_workspace(workspace)) as space, session(space, spending) as paid:
        encoder = open_encoder(space.config.encoder, spending.progress)
        changes = update_sources(paid, _given(paths, root), encoder, Path(facts) if facts else None)
        GraphIndex.of(space, encoder, spending.progress)
    return changes


def plan_update(
    paths: PathLike | Sequence[PathLike], workspace: PathLike | None = None, root: PathLike | None = None
) -> dict[str, Any]:
    """What `update` would cost: calls, tokens, seconds, dollars; nothing is spent."""
    from eval.plan import plan_documents
    from kg.change import load_given
    from kg.workspace import Workspace

    with Workspace.open(find_workspace(workspace)) as space:
        loaded = load_given(space.store, _given(paths, root))
        return plan_documents(space.config, [row for source in loaded for row in source.documents], space.path)


def _given(paths: PathLike | Sequence[PathLike], root: PathLike | None) -> Given:
    from kg.change import Given

    several = [paths] if isinstance(paths, str | Path) else paths
    return Given(tuple(Path(path) for path in several), Path(root) if root else None)


def delete(
    sources: str | Sequence[str],
    workspace: PathLike | None = None,
    *,
    erase: bool = False,
    runs: bool = False,
    progress: Progress = SILENT,
) -> Removal:
    """Remove documents from a knowledge base; no chat model is asked. See `app.removal.remove`.

    Args:
        sources: Names or patterns, such as "2031/*".
        workspace: The knowledge base.
        erase: Leave no byte of them in it, and flag the adapters that were trained on them.
        runs: Remove the runs that quote them, too.
        progress: Where progress is drawn.
    Raises:
        InputError: There is no such source.
    """
    from app.removal import remove
    from kg.workspace import Workspace
    from models.factory import open_encoder

    with Workspace.open(find_workspace(workspace)) as space:
        encoder = open_encoder(space.config.encoder, progress)
        return remove(space, [sources] if isinstance(sources, str) else sources, encoder, erase, runs, progress)


def plan_delete(sources: str | Sequence[str], workspace: PathLike | None = None, *, erase: bool = False) -> Removal:
    """What `delete` would remove; nothing is changed."""
    from app.removal import plan_removal
    from kg.workspace import Workspace

    with Workspace.open(find_workspace(workspace)) as space:
        return plan_removal(space, [sources] if isinstance(sources, str) else sources, erase)


def search(
    question: str,
    workspace: PathLike | None = None,
    *,
    retriever: str = "graph",
    model: str = "qwen-1.5b",
    limit: int = 5,
    limits: Limits | None = None,
    spending: Spending | None = None,
) -> Retrieved:
    """Find evidence for a question.

    Args:
        question: The question.
        workspace: The knowledge base.
        retriever: Name of the retriever.
        model: Chat model of a retriever that asks one.
        limit: Most passages.
        limits: Times and types that the search is limited to.
        spending: Budget and progress; only a retriever that asks a model spends any.
    Raises:
        ConfigError: No such workspace, retriever or type.
    """
    spending = spending or Spending(retry_failed=True)
    with _retrieving(workspace, retriever, model, spending, limits) as (found, _):
        return found.retrieve(question, limit)


def ask(
    question: str,
    workspace: PathLike | None = None,
    settings: AskSettings | None = None,
    spending: Spending | None = None,
) -> Answer:
    """Answer a question from a workspace, with citations, or abstain.

    Raises:
        ConfigError: No such workspace, retriever or model.
        ModelError: The model cannot be reached.
    """
    from retrieval.answer import answer
    from retrieval.confidence import THRESHOLD

    settings = settings or AskSettings()
    with _packed(question, workspace, settings, spending) as (packed, chat):
        return answer(question, packed, chat, THRESHOLD if settings.threshold is None else settings.threshold)


def ask_at_length(
    question: str,
    workspace: PathLike | None = None,
    settings: AskSettings | None = None,
    spending: Spending | None = None,
) -> LongAnswer:
    """Answer a question from a workspace sentence by sentence, each with citations; raises as `ask`."""
    from retrieval.long_answer import answer_at_length

    with _packed(question, workspace, settings or AskSettings(), spending) as (packed, chat):
        return answer_at_length(question, packed, chat)


@contextmanager
def _packed(
    question: str, workspace: PathLike | None, settings: AskSettings, spending: Spending | None
) -> Iterator[tuple[PackedContext, ChatModel]]:
    """The evidence for a question, and the model that answers from it."""
    from kg.sentences import count_tokens
    from retrieval.pack import pack

    spending = spending or Spending(retry_failed=True)
    with _retrieving(workspace, settings.retriever, settings.model, spending, settings.limits) as (retriever, chats):
        found = retriever.retrieve(question, settings.limit)
        yield pack(found, settings.context_tokens, count_tokens, settings.packing), chats(settings.model)


@contextmanager
def _retrieving(
    workspace: PathLike | None, retriever: str, model: str, spending: Spending, limits: Limits | None
) -> Iterator[tuple[Retriever, Chats]]:
    """A retriever over a workspace, and the chat models of the session, of which it asks the one named."""
    from models.chats import Chats
    from retrieval.retrievers import open_retriever, with_model
    from retrieval.subset import Limits, restrict

    with (
        opened(workspace, spending.progress) as (space, encoder, graph_index),
        session(space, spending) as paid,
        Chats(paid.open_chat) as chats,
    ):
        part = restrict(graph_index, limits or Limits())
        yield open_retriever(retriever, part, encoder, with_model(retriever, model), chats), chats


def train(
    workspace: PathLike | None = None,
    *,
    base: str = "smollm2-135m",
    config: TrainConfig | None = None,
    name: str | None = None,
    spending: Spending | None = None,
) -> Path:
    """Train a LoRA adapter on a workspace's documents.

    Args:
        workspace: The knowledge base.
        base: Model that is adapted (`configs/models`).
        config: Training settings.
        name: Folder name of the adapter; None takes the base's, or its file's.
        spending: Budget and progress.
    Returns:
        Folder of the adapter, in PEFT's own format.
    """
    from kg.workspace import Workspace
    from training.adapter import adapter_folder
    from training.config import TrainConfig
    from training.dataset import open_training_set
    from training.loop import train as fit

    config, spending = config or TrainConfig(), spending or Spending()
    with Workspace.open(find_workspace(workspace)) as space, session(space, spending) as paid:
        dataset = open_training_set(config, paid)
        own = Path(base).stem if base.endswith((".yaml", ".yml")) else base
        return fit(
            base,
            dataset.texts,
            config,
            adapter_folder(space.adapters_dir, own if name is None else name),
            spending.progress,
        )


def train_extractor(
    workspace: PathLike,
    *,
    base: str = "smollm2-135m",
    config: TrainConfig | None = None,
    name: str = "extractor",
    progress: Progress = SILENT,
) -> Path:
    """Train a small model to extract as the extractor of a workspace did; see `training.extractor`.

    Returns:
        YAML file of the trained model, to be named as an extractor.
    """
    from kg.workspace import Workspace
    from training.extractor import DEFAULTS
    from training.extractor import train_extractor as fit

    with Workspace.open(find_workspace(workspace)) as space:
        return fit(space, base, config or DEFAULTS, name, progress)


def train_hops(
    workspace: PathLike | None = None,
    *,
    sets: Sequence[PathLike] = (),
    out: PathLike | None = None,
    encoder: str = "minilm",
    model: str = "qwen-1.5b",
    paths: int = 400,
    config: HopConfig | None = None,
    spending: Spending | None = None,
) -> Path:
    """Train the adapter by which the retriever `graph` hops from passage to passage; see `training.hops`.

    Args:
        workspace: Makes questions from its graph's own paths and keeps the adapter, which begins as the one that comes
            with its encoder; None trains a new one on `sets` alone.
        sets: Folders with passages and questions (`training.hop_sets`).
        out: Folder of the adapter; None is the workspace's own.
        encoder: Trained where there is no workspace, whose own it is otherwise.
        model: Chat model that writes the questions.
        paths: Most paths to ask about.
        config: Training settings.
        spending: Budget and progress.
    Returns:
        Folder of the adapter.
    """
    from training.hop_config import HopConfig
    from training.hop_sets import read_hop_set
    from training.hop_workspace import train_on_paths
    from training.hops import train_hops as fit

    config, spending = config or HopConfig(), spending or Spending()
    given = [read_hop_set(Path(folder)) for folder in sets]
    target = Path(out) if out else None
    if workspace is None:
        if target is None:
            raise ConfigError("Without a workspace, say where the adapter goes: out, or --out DIR.")
        return fit(encoder, given, config, target, progress=spending.progress)
    from kg.workspace import Workspace

    with Workspace.open(find_workspace(workspace)) as space, session(space, spending) as paid:
        return train_on_paths(paid, given, config, model, paths, target)


def probe(
    workspace: PathLike | None, adapter: Path, base: str, progress: Progress = SILENT
) -> tuple[ProbeResult, ClozeResult | None]:
    """What an adapter has learnt of a workspace's own passages: their loss, and the names their sentences go on with.

    The second is None where the graph gives no cloze item, as one without entities does.
    """
    from kg.workspace import Workspace
    from training.cloze import ask as complete
    from training.cloze import cloze_items
    from training.probe import probe as measure
    from training.texts import raw_texts

    with Workspace.open(find_workspace(workspace)) as space:
        texts, items = [text.text for text in raw_texts(space.store)], cloze_items(space.store)
    losses = measure(base, adapter, texts, progress)
    return losses, complete(base, adapter, items, progress) if items else None


def evaluate(
    experiment: PathLike | Experiment, workspace: PathLike | None = None, spending: Spending | None = None
) -> RunResult:
    """Run an experiment, go on with it, or read it from its records; writes its report.

    Args:
        experiment: YAML file, short name of a shipped one, or the configuration itself.
        workspace: Folder of the knowledge base and runs; None takes the experiment's own.
        spending: Budget and progress.
    """
    from eval.experiment import load_experiment, run_experiment
    from eval.report import write_report

    spending = spending or Spending()
    config = load_experiment(experiment) if isinstance(experiment, str | Path) else experiment
    result = run_experiment(
        config,
        workspace=Path(workspace) if workspace else None,
        budget=spending.budget(),
        progress=spending.progress,
        retry_failed=spending.retry_failed,
    )
    write_report(result.path)
    return result
