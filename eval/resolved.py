"""Resolves an experiment before any model is opened: reads its items and corpus, and computes the hashes that name it.

Two starts of one experiment find each other by `config_hash` (every setting that changes an answer, the
models' configurations included) and `inputs` (digests of items, documents and prompts). Paths are in neither.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import yaml

from eval.arms.answering import Prompts
from eval.config import Experiment
from eval.tasks.realtimeqa import Articles, collect_articles, with_articles
from eval.tasks.registry import load_task
from eval.types import Item
from kg.documents.load import list_sources
from kg.extraction.registry import WITHOUT_CHAT
from models.config import load_model
from models.errors import InputError
from models.files.digest import digest, file_sha256
from models.runtime.dotted import is_dotted
from models.weights.resolve import identity

_PATHS: Any = {"workspace": True, "documents": {"path", "realtimeqa"}, "task": {"path"}}


@dataclass(frozen=True, slots=True)
class ResolvedExperiment:
    """An experiment with all inputs read that need no model.

    Attributes:
        experiment: The experiment, with an oracle arm if its items have evidence.
        items: The questions.
        articles: Corpus of RealTimeQA, or None.
        prompts: Prompts of the run.
        models: Configurations of the models, by role.
        inputs: Digests of items, documents and prompts.
    """

    experiment: Experiment
    items: tuple[Item, ...]
    articles: Articles | None
    prompts: Prompts
    models: dict[str, Any]
    inputs: dict[str, str]

    @property
    def choices(self) -> bool:
        """Whether any item is multiple choice, so that the reader scores options."""
        return any(item.choices for item in self.items)

    @property
    def config_hash(self) -> str:
        """Digest of every setting that changes an answer."""
        # Paths are left out: a copy of the same files elsewhere is the same experiment.
        settings = self.experiment.model_dump(mode="json", exclude=_PATHS)
        if settings["train"] is not None:
            settings["train"].pop("checkpoint_steps")  # how often progress is saved changes no answer
        return digest(settings, self.models)

    def yaml(self) -> str:
        """The configuration for the run folder: without absolute paths or secrets."""
        settings = self.experiment.model_dump(mode="json")
        settings["comparisons"] = [list(pair) for pair in self.experiment.pairs]
        return yaml.safe_dump(portable({**settings, "models": self.models}), sort_keys=False, allow_unicode=True)


def resolve_experiment(experiment: Experiment) -> ResolvedExperiment:
    """Read items, corpus and prompts, and hash them.

    Raises:
        ConfigError: An unknown model, arm or task format.
        InputError: A file is missing or malformed.
    """
    task = experiment.task
    items = load_task(task.format, [experiment.path(path) for path in task.paths], task.selection)
    articles = _articles(experiment)
    if articles is not None:
        items = with_articles(items, articles)
    if experiment.documents is not None and any(item.evidence for item in items):
        experiment = experiment.with_oracle()
    prompts = Prompts.load()
    inputs = {
        "items": digest([asdict(item) for item in items]),
        "documents": _documents_digest(experiment, articles),
        "prompts": prompts.digest,
    }
    return ResolvedExperiment(experiment, items, articles, prompts, model_configs(experiment), inputs)


def _articles(experiment: Experiment) -> Articles | None:
    if experiment.documents is None or experiment.documents.realtimeqa is None:
        return None
    news = experiment.documents.realtimeqa
    return collect_articles([experiment.path(file) for file in news.files], news.newest, news.max_characters)


def _documents_digest(experiment: Experiment, articles: Articles | None) -> str:
    if articles is not None:
        return digest([asdict(document) for document in articles.documents])
    if experiment.documents is None or experiment.documents.path is None:
        return ""
    root = experiment.path(experiment.documents.path)
    if not root.exists():
        raise InputError(
            f"Expected documents at {root}, but nothing is there. Correct documents.path, which starts at the "
            "folder of the experiment file."
        )
    # Names and contents: a renamed document changes the sources that citations name.
    files = {name: root if root.is_file() else root / name for name in list_sources(root)}
    return digest([[name, file_sha256(path)] for name, path in files.items() if path.is_file()])


def model_configs(experiment: Experiment) -> dict[str, Any]:
    """Configurations of the models by role, as far as they change an answer.

    Raises:
        ConfigError: An unknown model.
    """
    names = {"reader": experiment.reader_name}
    if experiment.documents is not None:
        names["encoder"] = experiment.index.encoder
        if experiment.index.extractor not in WITHOUT_CHAT:
            names["extractor"] = experiment.index.extractor
    if experiment.train is not None and experiment.train.paraphrases and experiment.trains:
        names["paraphraser"] = experiment.train.paraphraser
    return {role: portable(_settings(name)) for role, name in names.items()}


def _settings(name: str) -> Any:
    """A model's settings; weights are named by their content too, since a path may come to have other weights."""
    if is_dotted(name):
        return name
    settings = load_model(name).model_dump(mode="json")
    return settings | ({"weights_digest": identity(settings["weights"])} if "weights" in settings else {})


def portable(value: Any) -> Any:
    """Cut absolute paths to their last part, and addresses to what is not secret, in nested values too.

    Example:
        >>> portable({"weights": "/home/ann/models/tiny", "url": "http://me:key@host:80/v1?token=x"})
        {'weights': 'tiny', 'url': 'http://host:80/v1'}
    """
    if isinstance(value, dict):
        return {key: portable(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [portable(inner) for inner in value]
    if not isinstance(value, str):
        return value
    if "://" in value:
        parts = urlsplit(value)
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
    return Path(value).name if value.startswith("~") or Path(value).is_absolute() else value


def kinds_of(items: Sequence[Item]) -> dict[str, int]:
    """Number of items of each kind, sorted by kind."""
    return dict(sorted(Counter(item.kind for item in items).items()))
