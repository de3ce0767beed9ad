"""Reads an experiment: one YAML file with corpus, questions, reader and arms. `eval.experiment` runs it.

    name: saltmarsh
    workspace: saltmarsh
    documents: {path: ../../examples/saltmarsh/articles}
    task: {format: jsonl, path: ../../examples/saltmarsh/questions.jsonl}
    reader: qwen-1.5b-hf
    arms: [closed-book, oracle, rag, graph-rag]

Relative paths start at the folder of the file. Everything that changes an answer is in the hash of the configuration;
paths are not, since the content of the files is hashed instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from configs import shipped_names
from eval.arms.answering import Headline, MarkingRules, Scoring
from eval.arms.contexts import QueryForm
from eval.arms.metrics import Normalisation
from eval.systems import NONE, ORACLE, SystemConfig, known_systems, load_system
from eval.tasks.registry import Selection
from kg.config import IndexConfig
from models.errors import ConfigError, unknown_name
from models.files.settings import StrictSettings, check_settings, parse_mapping, read_yaml_text
from retrieval.answering.pack import PackSettings
from training.config import TrainConfig

DEFAULT_PAIRS = (
    ("graph-rag", "rag"),
    ("lora-rag", "rag"),
    ("lora-graph-rag", "graph-rag"),
    ("lora-rag", "lora"),
    ("lora", "rag"),
)
"""Pairs of arms that every experiment compares if it has both: one more ingredient, or weights against prompt."""
CLOSED_BOOK = "closed-book"
_SETTINGS = "settings of an experiment"


def _listed(paths: str | tuple[str, ...]) -> tuple[str, ...]:
    return (paths,) if isinstance(paths, str) else paths


class NewsConfig(StrictSettings):
    """Articles of RealTimeQA as the corpus.

    Attributes:
        file: One `*_gcs.jsonl`, or several.
        newest: Maximum number of articles for each question, the newest first.
        max_characters: Maximum length of an article in characters, the rest is cut off; None for no limit.
    """

    file: str | tuple[str, ...]
    newest: int = Field(default=3, ge=1)
    max_characters: int | None = Field(default=None, ge=1)

    @property
    def files(self) -> tuple[str, ...]:
        """The files, listed."""
        return _listed(self.file)


class DocumentsConfig(StrictSettings):
    """The corpus: a folder or file of documents, or RealTimeQA's articles.

    Attributes:
        path: Folder or file of documents.
        realtimeqa: RealTimeQA's articles.
    """

    path: str | None = None
    realtimeqa: NewsConfig | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.path is None) == (self.realtimeqa is None):
            raise ValueError('Expected either "path" or "realtimeqa".')
        return self


class TaskConfig(StrictSettings):
    """The questions.

    Attributes:
        format: A name in `eval.tasks.registry.TASKS`, or the dotted path of a function of your own.
        path: One file, or several.
        limit: Maximum number of items, counted from the first; None for all.
        kinds: Kinds of the items; empty for all kinds.
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
        """Which items are answered."""
        return Selection(self.limit, self.kinds)


class TrainSection(TrainConfig):
    """Settings of the adapter, and the number of adapters to train.

    Attributes:
        seeds: Seeds; one adapter is trained with each, and tables show the mean. If empty, one is trained with `seed`.
    """

    seeds: tuple[int, ...] = ()

    def configs(self) -> dict[int, TrainConfig]:
        """The training settings, by seed."""
        # One configuration a seed, identical otherwise, so that adapters are found again one by one.
        settings = self.model_dump(exclude={"seeds", "seed"})
        return {seed: TrainConfig(**settings, seed=seed) for seed in self.seeds or (self.seed,)}


class Experiment(StrictSettings):
    """Everything one comparison needs.

    Attributes:
        folder: Where relative paths start; the YAML file's folder.
        name: Name of the experiment, and the beginning of the names of its adapters.
        workspace: Folder of the knowledge base, unless another is given to `run_experiment`.
        documents: The corpus; None if every arm is closed-book.
        index: How the knowledge base is built.
        task: The questions.
        reader: Name of the model that answers.
        context_tokens: Budget of a packed context, in the reader's tokens.
        packing: How the budget is shared between kinds of evidence, and in which order they are packed.
        passages: Number of passages that every retriever is asked to return (K).
        query: Text of the query: the question, or the question and its choices.
        scoring: What is scored of each option of a multiple-choice item: its text ("option") or its letter ("letter").
        normalisation: How option scores are made comparable.
        headline: Metric that decides whether a short answer is right.
        max_tokens: Maximum number of tokens of a short answer.
        train: Settings of the adapter; None if none is trained.
        arms: Systems by name, by file or written out; a closed-book arm is added if there is none.
        comparisons: Pairs of arms; None compares every arm with closed-book, and the pairs of `DEFAULT_PAIRS`.
        seed: Seed of the bootstrap and of the reader's sampler.
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
    query: QueryForm = "question"
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
            raise ValueError(f"Expected a list of arms ({', '.join(known_systems())}), found {arms!r}.")
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
            raise ValueError(f"Expected arms with different names, found {', '.join(names)}.")
        unknown = sorted({name for pair in self.comparisons or () for name in pair} - set(names))
        if unknown:
            raise ValueError(f"The comparisons name arms that are not there: {', '.join(unknown)}.")
        for arm in self.arms:
            if arm.adapter is True and self.train is None:
                raise ValueError(f'The arm "{arm.name}" needs an adapter: add a section "train", or name an adapter.')
            if self.documents is None and (arm.retriever != NONE or arm.adapter is True):
                raise ValueError(f'The arm "{arm.name}" needs a corpus: add a section "documents".')
        return self

    @property
    def floor(self) -> str:
        """Name of the closed-book arm."""
        return next(arm.name for arm in self.arms if arm.retriever == NONE and not arm.adapter)

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Pairs of arms that are compared."""
        if self.comparisons is not None:
            return self.comparisons
        names = {arm.name for arm in self.arms}
        # Every arm is compared with the bare model first: does the knowledge help at all?
        against_floor = tuple((arm.name, self.floor) for arm in self.arms if arm.name != self.floor)
        return against_floor + tuple(pair for pair in DEFAULT_PAIRS if set(pair) <= names)

    @property
    def trains(self) -> bool:
        """Whether an arm needs the adapter that this experiment trains."""
        return any(arm.adapter is True for arm in self.arms)

    @property
    def marking(self) -> MarkingRules:
        """How answers are scored and marked."""
        return MarkingRules(self.scoring, self.normalisation, self.headline, self.max_tokens, self.seed)

    @property
    def reader_name(self) -> str:
        """The reader's name for `models.config.load_model`; a path of a YAML file starts at the experiment's folder."""
        is_file = self.reader.endswith((".yaml", ".yml"))
        return str(self.path(self.reader)) if is_file else self.reader

    def path(self, name: str) -> Path:
        """A path that starts at this experiment's folder."""
        return self.folder / Path(name).expanduser()

    def with_oracle(self) -> Experiment:
        """The same experiment with an oracle arm, added at the end if there is none."""
        if any(arm.retriever == ORACLE and not arm.adapter for arm in self.arms):
            return self
        # At the end: the order of the other arms is that of the file, also in the table.
        arms = (*self.arms, SystemConfig(name=ORACLE, retriever=ORACLE))
        return self.model_copy(update={"arms": arms})


def known_experiments() -> list[str]:
    """Short names of the shipped experiments."""
    return shipped_names("experiments")


def load_experiment(name: str | Path, changes: Mapping[str, Any] | None = None) -> Experiment:
    """Read an experiment.

    Args:
        name: Path of a YAML file, or the short name of a shipped one.
        changes: Settings that replace those of the file, by dotted name: {"index.store": "neo4j"}.
    Raises:
        ConfigError: No such file, or a setting that is unknown or out of range.
    """
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        return _load(path, changes)
    if str(name) not in known_experiments():
        raise ConfigError(unknown_name("experiment", str(name), known_experiments(), "a YAML file"))
    with as_file(files("configs") / "experiments" / f"{name}.yaml") as shipped:
        return _load(shipped, changes)


def _load(path: Path, changes: Mapping[str, Any] | None) -> Experiment:
    return parse_experiment(read_yaml_text(path, _SETTINGS), path.parent, str(path), changes)


def parse_experiment(
    text: str, folder: Path, origin: str = "the experiment", changes: Mapping[str, Any] | None = None
) -> Experiment:
    """Read an experiment from YAML text.

    Args:
        text: The YAML.
        folder: Where relative paths in it start.
        origin: Where the text comes from, for errors.
        changes: See `load_experiment`.
    Raises:
        ConfigError: See `load_experiment`; the message names `origin` and the setting.
    """
    values = parse_mapping(text, origin, _SETTINGS)
    for setting, value in (changes or {}).items():
        put_setting(values, setting, value)
    return check_settings({"folder": folder, **values}, Experiment, origin, _SETTINGS)


def put_setting(values: dict[str, Any], setting: str, value: Any) -> None:
    """Set the value that a dotted name points to; missing mappings on the way are created.

    Raises:
        ConfigError: A value on the way is not a mapping.
    """
    *above, last = setting.split(".")
    for name in above:
        below = values[name] = values.get(name) or {}
        if not isinstance(below, dict):
            raise ConfigError(f"The setting {setting} cannot be changed: {name} is {below!r}, not a mapping.")
        values = below
    values[last] = value
