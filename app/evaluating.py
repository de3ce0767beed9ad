"""Experiments, and extractors measured against gold: what `graft eval run`, `extraction` and `mine` call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.building import index_config
from app.opening import PathLike, Spending, session
from models.errors import ConfigError

if TYPE_CHECKING:
    from eval.config import Experiment
    from eval.extraction.curve import CurvePoint
    from eval.extraction.document_graph import DocumentGraph
    from eval.extraction.gold_triples import GoldDocument
    from eval.extraction.relation_match import RelationMatch
    from eval.runs.results import RunResult


def evaluate(
    experiment: PathLike | Experiment, workspace: PathLike | None = None, spending: Spending | None = None
) -> RunResult:
    """Run an experiment, resume it, or read its results if it is finished; writes its report.

    Args:
        experiment: YAML file, name of an experiment in configs/experiments, or the configuration itself.
        workspace: Folder of the knowledge base and the runs; None for the experiment's own.
        spending: Budget and progress; the default has no limit.
    Returns:
        The arms with their scores and costs, and the paired comparisons.
    Raises:
        ConfigError: A name or setting is wrong.
        InputError: Questions or documents cannot be used.
        ModelError: A model cannot be reached.
        BudgetError: The budget is used up; the same call resumes.

    Example:
        ```python
        result = evaluate("configs/experiments/demo.yaml")
        print({arm.result.name: arm.result.accuracy for arm in result.arms})
        ```
    """
    from eval.experiment import load_experiment, run_experiment
    from eval.report.page import write_report

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


def build_document_graph(
    documents: Sequence[tuple[str, str]],
    file: Path,
    workspace: PathLike | None,
    config_file: Path | None,
    overrides: Mapping[str, Any],
    spending: Spending,
    curved: bool = False,
) -> DocumentGraph:
    """Index the documents of a labelled dataset, so that the facts of each document can be told apart.

    Args:
        documents: Title and text of each.
        file: The dataset; names the folder in the cache where no workspace is given.
        workspace: Folder where the graph is built and kept; None for one in the cache.
        config_file: YAML file of index settings; None for the defaults.
        overrides: Settings that take precedence over the file's; None leaves a setting as it is.
        spending: Budget and progress.
        curved: Whether `extraction_curve` is to follow, which needs a chat model's replies.
    Raises:
        ConfigError: A curve is requested of an extractor that is no chat model.
    """
    from eval.extraction.document_graph import build_document_graph as build
    from kg.extraction.registry import WITHOUT_CHAT
    from kg.session import open_session
    from models.files.cache import cache_dir
    from models.files.digest import digest

    cache = cache_dir() / "measures"
    config = index_config(Path(workspace) if workspace else cache, config_file, **overrides)
    if curved and config.extractor in WITHOUT_CHAT:
        raise ConfigError(
            f"--curve needs the recorded replies of a chat model, but the extractor {config.extractor!r} calls none. "
            "Leave out --curve, or name a chat model with --extractor."
        )
    # The same file with other settings is another graph, so both name the folder in the cache.
    key = digest(str(file.resolve()), config.model_dump(mode="json"))
    folder = Path(workspace) if workspace else cache / f"{file.stem}-{key[:12]}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with open_session(folder, config, spending.budget(), spending.progress, spending.retry_failed) as paid:
        return build(documents, paid)


def extraction_curve(
    workspace: Path, documents: Sequence[GoldDocument], relations: RelationMatch, spending: Spending
) -> list[CurvePoint]:
    """Facts against tokens written, from the recorded replies of the chat model that extracted. No call is made.

    Args:
        workspace: Folder that `build_document_graph` filled.
        documents: The documents with their gold triples.
        relations: Decides which relations are the same.
        spending: Progress; the budget is zero calls.
    """
    from eval.extraction.curve import extraction_curve as measure_curve
    from eval.extraction.document_graph import inputs_by_document
    from kg.extraction.chat import ChatExtractor
    from kg.extraction.registry import open_extractor
    from kg.language.sentences import RuleSentences
    from kg.workspace import Workspace

    with (
        Workspace.open(workspace) as space,
        session(space, Spending(max_calls=0, progress=spending.progress)) as paid,
        paid.open_chat(space.config.extractor) as chat,
    ):
        extractor = open_extractor(space.config, chat, RuleSentences())
        assert isinstance(extractor, ChatExtractor)
        return measure_curve(documents, inputs_by_document(space), extractor, relations)
