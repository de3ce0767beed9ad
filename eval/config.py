"""One experiment as a YAML file: corpus, questions, reader, arms. Checked here, run in eval/experiment.py.

    name: saltmarsh
    workspace: saltmarsh
    documents: {path: ../../examples/saltmarsh/articles}
    task: {format: jsonl, path: ../../examples/saltmarsh/questions.jsonl}
    reader: qwen-1.5b-hf
    arms: [closed-book, oracle, rag, graph-rag]

Relative paths start at the file's own folder. Everything that changes an answer is in the configuration's
hash; where files lie is not, since their content is hashed instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator

from eval.arms.answering import Headline, Marking, Scoring
from eval.arms.contexts import Query
from eval.arms.metrics import Normalisation
from eval.systems import NONE, ORACLE, SystemConfig, known_systems, load_system
from eval.tasks.registry import Selection
from kg.config import IndexConfig
from models.errors import ConfigError, describe
from retrieval.answering.pack import PackSettings
from training.config import TrainConfig

DEFAULT_PAIRS = (
    ("graph-rag", "rag"),
    ("lora-rag", "rag"),
    ("lora-graph-rag", "graph-rag"),
    ("lora-rag", "lora"),
    ("lora", "rag"),
)
CLOSED_BOOK = "closed-book"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _listed(paths: str | tuple[str, ...]) -> tuple[str, ...]:
    return (paths,) if isinstance(paths, str) else paths


class NewsConfig(_Part):
    """Articles of RealTimeQA as the corpus.

    Attributes:
        file: One `*_gcs.jsonl`, or several.
        newest: Articles a question.
        max_characters: Longer articles are cut here; None keeps them whole.
    """

    file: str | tuple[str, ...]
    newest: int = Field(default=3, ge=1)
    max_characters: int | None = Field(default=None, ge=1)

    @property
    def files(self) -> tuple[str, ...]:
        """The files, listed."""
        return _listed(self.file)


class DocumentsConfig(_Part):
    """The corpus: a folder or file of documents, or RealTimeQA's articles."""

    path: str | None = None
    realtimeqa: NewsConfig | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.path is None) == (self.realtimeqa is None):
            raise ValueError('expected either "path" or "realtimeqa"')
        return self


class TaskConfig(_Part):
    """The questions.

    Attributes:
        format: A name of `eval.tasks.registry.TASKS`, or a dotted path.
        path: One file, or several.
        limit: The first so many items; None for all.
        kinds: Only items of these kinds; empty for all.
    """

    format: str = "jsonl"
    path: str | tuple[str, ...]
    limit: int | None = Field(default=None, ge=1)
    kinds: tuple[str, ...] = ()

    @property
    def paths(self) -> tuple[str, ...]:
        """The files, listed."""
        return _listed(self.path)

    @property
    def selection(self) -> Selection:
        """Which items are asked."""
        return Selection(self.limit, self.kinds)


class TrainSection(TrainConfig):
    """Settings of the adapter, and how many are trained.

    Attributes:
        seeds: An adapter for each; arms show the mean. Empty trains one, with `seed`.
    """

    seeds: tuple[int, ...] = ()

    def configs(self) -> dict[int, TrainConfig]:
        """The training settings, by seed."""
        settings = self.model_dump(exclude={"seeds", "seed"})
        return {seed: TrainConfig(**settings, seed=seed) for seed in self.seeds or (self.seed,)}


class Experiment(_Part):
    """Everything one comparison needs.

    Attributes:
        folder: Where relative paths start; the YAML file's folder.
        name: Names runs and adapters.
        workspace: Folder of the knowledge base, unless another is given to `run_experiment`.
        documents: The corpus; None if every arm is closed-book.
        index: How the knowledge base is built.
        task: The questions.
        reader: Name of the model that answers.
        context_tokens: Budget of a packed context, in the reader's tokens.
        packing: How the budget is shared between kinds of evidence, and in which order they are shown.
        passages: Passages asked of every retriever (K).
        query: What a retriever is asked.
        scoring: What is scored of a multiple-choice item.
        normalisation: How option scores are made comparable.
        headline: The metric that decides about a short answer.
        max_tokens: Most tokens of a short answer.
        train: The adapter, or None.
        arms: Systems by name, by file or written out; a closed-book arm is always added.
        comparisons: Pairs of arms; None for every arm against closed-book, and the pairs of `DEFAULT_PAIRS`.
        seed: Of the bootstrap and of the reader's sampler.
    """

    folder: Path = Field(default=Path(), exclude=True)
    name: str = Field(pattern=r"^[\w.-]+$")
    workspace: str = Field(min_length=1)
    documents: DocumentsConfig | None = None
    index: IndexConfig = IndexConfig()
    task: TaskConfig
    reader: str = Field(min_length=1)
    context_tokens: int = Field(default=1024, ge=16)
    packing: PackSettings = PackSettings()
    passages: int = Field(default=5, ge=1)
    query: Query = "question"
    scoring: Scoring = "option"
    normalisation: Normalisation = "token"
    headline: Headline = "contains"
    max_tokens: int = Field(default=48, ge=1)
    train: TrainSection | None = None
    arms: tuple[SystemConfig, ...] = Field(min_length=1)
    comparisons: tuple[tuple[str, str], ...] | None = None
    seed: int = Field(default=0, ge=0)
    schema_version: Literal[1] = 1

    @field_validator("arms", mode="before")
    @classmethod
    def _named_arms(cls, arms: Any, info: ValidationInfo) -> Any:
        if not isinstance(arms, list | tuple):
            raise ValueError(f"expected a list of arms ({', '.join(known_systems())}), found {arms!r}")
        folder = info.data.get("folder", Path())
        try:
            return tuple(load_system(arm, folder) if isinstance(arm, str) else arm for arm in arms)
        except ConfigError as error:
            raise ValueError(str(error)) from error

    @field_validator("arms")
    @classmethod
    def _with_closed_book(cls, arms: tuple[SystemConfig, ...]) -> tuple[SystemConfig, ...]:
        if any(arm.retriever == NONE and not arm.adapter for arm in arms):
            return arms
        return (SystemConfig(name=CLOSED_BOOK), *arms)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [arm.name for arm in self.arms]
        if len(set(names)) < len(names):
            raise ValueError(f"arms must have different names, found {', '.join(names)}")
        unknown = sorted({name for pair in self.comparisons or () for name in pair} - set(names))
        if unknown:
            raise ValueError(f"comparisons name arms that are not there: {', '.join(unknown)}")
        for arm in self.arms:
            if arm.adapter is True and self.train is None:
                raise ValueError(f'the arm "{arm.name}" needs an adapter: add a section "train", or name an adapter')
            if self.documents is None and (arm.retriever != NONE or arm.adapter is True):
                raise ValueError(f'the arm "{arm.name}" needs a corpus: add a section "documents"')
        return self

    @property
    def floor(self) -> str:
        """Name of the closed-book arm."""
        return next(arm.name for arm in self.arms if arm.retriever == NONE and not arm.adapter)

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """The comparisons that are made."""
        if self.comparisons is not None:
            return self.comparisons
        names = {arm.name for arm in self.arms}
        against_floor = tuple((arm.name, self.floor) for arm in self.arms if arm.name != self.floor)
        return against_floor + tuple(pair for pair in DEFAULT_PAIRS if set(pair) <= names)

    @property
    def trains(self) -> bool:
        """Whether an arm needs the adapter that this experiment trains."""
        return any(arm.adapter is True for arm in self.arms)

    @property
    def marking(self) -> Marking:
        """How answers are asked for and marked."""
        return Marking(self.scoring, self.normalisation, self.headline, self.max_tokens, self.seed)

    @property
    def reader_name(self) -> str:
        """The reader as `models.config.load_model` takes it; a YAML file is found from the experiment's folder."""
        is_file = self.reader.endswith((".yaml", ".yml"))
        return str(self.path(self.reader)) if is_file else self.reader

    def path(self, name: str) -> Path:
        """A path of this experiment, from its folder."""
        return self.folder / Path(name).expanduser()

    def with_oracle(self) -> Experiment:
        """The same with an oracle arm, added at the end if there is none."""
        if any(arm.retriever == ORACLE and not arm.adapter for arm in self.arms):
            return self
        arms = (*self.arms, SystemConfig(name=ORACLE, retriever=ORACLE))
        return self.model_copy(update={"arms": arms})


def known_experiments() -> list[str]:
    """Short names of the shipped experiments."""
    folder = files("configs") / "experiments"
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def load_experiment(name: str | Path, changes: Mapping[str, Any] | None = None) -> Experiment:
    """Read an experiment.

    Args:
        name: Path of a YAML file, or the short name of a shipped one.
        changes: Settings that replace the file's, by name, dotted where they lie deeper: {"index.store": "neo4j"}.
    Raises:
        ConfigError: No such file, or a setting that is unknown or out of range.
    """
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        return _load(path, changes)
    if str(name) not in known_experiments():
        known = ", ".join(known_experiments()) or "none"
        raise ConfigError(f'No experiment "{name}"; expected a YAML file, or one of those shipped: {known}.')
    with as_file(files("configs") / "experiments" / f"{name}.yaml") as shipped:
        return _load(shipped, changes)


def _load(path: Path, changes: Mapping[str, Any] | None) -> Experiment:
    try:
        return parse_experiment(path.read_text(encoding="utf-8"), path.parent, str(path), changes)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"The experiment {path} cannot be read ({error}). Check the path.") from error


def parse_experiment(
    text: str, folder: Path, origin: str = "the experiment", changes: Mapping[str, Any] | None = None
) -> Experiment:
    """Read an experiment from YAML text; relative paths in it start at `folder`, `changes` are as of `load_experiment`.

    Raises:
        ConfigError: As of `load_experiment`; the message names `origin` and the setting.
    """
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{origin} is not YAML: {error}") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{origin}: expected a mapping with name, workspace, task, reader and arms.")
    for setting, value in (changes or {}).items():
        put_setting(values, setting, value)
    try:
        return Experiment.model_validate({"folder": folder, **values})
    except ValidationError as error:
        raise ConfigError(f"{origin}: {describe(error, 'experiment')}. Correct the file.") from error


def put_setting(values: dict[str, Any], setting: str, value: Any) -> None:
    """Put a value where a dotted name points, under mappings that are made where they are missing.

    Raises:
        ConfigError: On the way there is a value that is no mapping.
    """
    *above, last = setting.split(".")
    for name in above:
        below = values[name] = values.get(name) or {}
        if not isinstance(below, dict):
            raise ConfigError(f"The setting {setting} can't be changed: {name} is {below!r}, not a mapping.")
        values = below
    values[last] = value
