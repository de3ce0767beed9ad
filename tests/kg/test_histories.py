"""Any history of changes leaves the store that one build of the same sources makes, digest for digest."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kg.build import BuildModels, build
from kg.changes.delete import delete, named
from kg.changes.update import UpdateRequest, update
from kg.config import IndexConfig
from kg.erasure.erase import erase_residual_data, find_residual_data, forget
from kg.language.sentences import RuleSentences
from kg.schema import Ruling, make_id
from kg.stores.journal import GONE
from kg.workspace import Workspace
from models.calls.executor import ThreadExecutor
from models.errors import ConfigError, OutputError
from tests.kg.scripted import PLAIN, LetterEncoder, ScriptedChat

NAMES = ("a.md", "b.txt", "sub/a.md", "sub/c.md", "rows.jsonl")
TEXTS = (
    "Ada Lorne founded Marrow & Finch in Torsby. Lorne sold Marrow & Finch to Harrow Mills.",
    "Tomas Lorne met Ada Lorne in Torsby.",
    "Harrow Mills moved to Bellwick. Bellwick loops around Lake Oune.",
    "The Harrow Mill elected Ines Varga. Varga praised the mill.",
    "",
    "* * *",
    '{"text": "Ines Varga left Bellwick."}\n{"text": "Lake Oune froze."}\nno row\n{"text": "Harrow Mills burnt."}',
)
SENTENCES = RuleSentences()
CONFIG = IndexConfig(chunk_tokens=16, extract=PLAIN)

names, texts = st.sampled_from(NAMES), st.sampled_from(TEXTS)
operations = st.one_of(
    st.tuples(st.just("write"), st.dictionaries(names, texts, min_size=1, max_size=3)),
    st.tuples(st.just("write"), st.dictionaries(names, texts, min_size=1, max_size=3)),
    st.tuples(st.just("delete"), names),
    st.tuples(st.just("delete"), names),
    st.tuples(st.just("erase"), names),
    st.tuples(st.just("rename"), st.tuples(names, names)),
    st.tuples(st.just("index"), st.none()),
    st.tuples(st.just("retry"), st.none()),
    st.tuples(st.just("rule"), st.sampled_from([("merge", "ada lorne", "tomas lorne"), ("split", "lorne", "lorne")])),
    st.tuples(st.just("reconfigure"), st.none()),
)
starts = st.dictionaries(names, texts, min_size=3)
histories = st.lists(operations, min_size=3, max_size=8)


class Looping(ScriptedChat):
    """Loops on texts about loops, until it is tried again: from then on its answers are on record."""

    def __init__(self) -> None:
        super().__init__(fail=self._fail)
        self.answered: set[str] = set()
        self.retrying = False

    def _fail(self, prompt: str) -> Exception | None:
        if self.retrying:
            self.answered.add(prompt)
        return OutputError("it loops") if "loops" in prompt and prompt not in self.answered else None


class History:
    """A folder of sources and its workspace, with what the sources should be."""

    def __init__(self, folder: Path, start: dict[str, str]) -> None:
        self.folder, self.sources, self.path = folder, folder / "sources", folder / "workspace"
        self.chat = Looping()
        self.models = BuildModels(self.chat, LetterEncoder(), SENTENCES)
        self.rulings: list[Ruling] = []
        self.write({"first.md": TEXTS[0], **start})
        with Workspace.create(self.path, CONFIG) as workspace:
            build(workspace, self.sources, self.models, executor=ThreadExecutor(1))

    def write(self, files: dict[str, str]) -> list[Path]:
        for name, text in files.items():
            (self.sources / name).parent.mkdir(parents=True, exist_ok=True)
            (self.sources / name).write_text(text, encoding="utf-8")
        return [self.sources / name for name in files]

    def run(self, operation: str, value: object) -> None:
        with Workspace.open(self.path) as workspace:
            getattr(self, operation)(workspace, value)

    def change(self, workspace: Workspace, paths: list[Path], retry: bool = False) -> None:
        given_ = UpdateRequest(tuple(paths), self.sources)
        update(workspace, given_, self.models, executor=ThreadExecutor(1), retry_failed=retry)

    def do_write(self, workspace: Workspace, files: dict[str, str]) -> None:
        self.change(workspace, self.write(files))

    def do_delete(self, workspace: Workspace, name: str, erase: bool = False) -> None:
        if (self.sources / name).exists():
            sources = named(workspace.store, [name], gone_too=erase)
            if erase:
                erase_residual_data(workspace, find_residual_data(workspace, sources), runs=False)
            delete(workspace, sources, BuildModels(None, self.models.encoder, SENTENCES))
            if erase:
                forget(workspace.store, sources)
                self.rulings = list(workspace.store.read(Ruling))
            (self.sources / name).unlink()

    def do_erase(self, workspace: Workspace, name: str) -> None:
        self.do_delete(workspace, name, erase=True)

    def do_rename(self, workspace: Workspace, pair: tuple[str, str]) -> None:
        old, new = (self.sources / name for name in pair)
        if old.exists() and old != new:
            self.do_write(workspace, {pair[1]: old.read_text(encoding="utf-8")})
            self.do_delete(workspace, pair[0])

    def do_index(self, workspace: Workspace, _: None) -> None:
        build(workspace, self.sources, self.models, executor=ThreadExecutor(1))

    def do_retry(self, workspace: Workspace, _: None) -> None:
        self.chat.retrying = True
        self.change(workspace, [self.sources / "first.md"], retry=True)
        self.chat.retrying = False

    def do_rule(self, workspace: Workspace, rule: tuple[str, str, str]) -> None:
        place = len(self.rulings)
        if rule not in [(each.action, each.name, each.other) for each in self.rulings]:
            self.rulings.append(Ruling(make_id("u", place, *rule), place, *rule))
            workspace.store.put(self.rulings)
            self.do_index(workspace, None)

    def do_reconfigure(self, workspace: Workspace, _: None) -> None:
        with pytest.raises(ConfigError, match="chunk_tokens"):
            Workspace.create(self.path, IndexConfig(chunk_tokens=99))

    def state(self) -> tuple[object, ...]:
        """What a build from scratch depends on."""
        files = {file.relative_to(self.sources).as_posix(): file.read_text() for file in self.sources.rglob("*.*")}
        return (tuple(sorted(files.items())), tuple(self.rulings), frozenset(self.chat.answered))

    def check(self, fresh: dict[tuple[object, ...], tuple[str, object]]) -> None:
        """Compare digest and journal with those of a build from scratch."""
        state = self.state()
        if state not in fresh:
            path = self.folder / "fresh"
            with Workspace.create(path, CONFIG) as workspace:
                workspace.store.put(self.rulings)
                digest = build(workspace, self.sources, self.models, executor=ThreadExecutor(1)).digest
                fresh[state] = digest, outcomes(workspace)
            shutil.rmtree(path)
        with Workspace.open(self.path) as workspace:
            assert (workspace.store.digest(), outcomes(workspace)) == fresh[state]


def outcomes(workspace: Workspace) -> dict[tuple[str, str], str]:
    """How every item ended that is still there."""
    stages = ("load", "chunk", "extract")
    entries = [entry for entry in workspace.store.journal() if entry.stage in stages and entry.reason != GONE]
    return {(entry.stage, entry.item): entry.status for entry in entries}


@pytest.fixture
def quick_folder() -> Iterator[Path]:
    """A folder in memory where there is one: a thousand histories are ten thousand flushes."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


def equal_rebuilds(folder: Path, examples: int) -> None:
    fresh: dict[tuple[object, ...], tuple[str, object]] = {}
    changed: Counter[str] = Counter()

    @settings(
        max_examples=examples, deadline=None, database=None, derandomize=True, suppress_health_check=[*HealthCheck]
    )
    @given(starts, histories)
    def run(start: dict[str, str], history: list[tuple[str, object]]) -> None:
        with tempfile.TemporaryDirectory(dir=folder) as own:
            bench = History(Path(own), start)
            for name, value in history:
                before = bench.state()
                bench.run(f"do_{name}", value)
                changed[name] += bench.state() != before
            bench.check(fresh)

    run()
    assert all(changed[name] >= examples / 8 for name in ("write", "delete", "erase", "rename")), changed
    assert len(fresh) > examples / 2


def test_a_store_after_any_history_equals_a_rebuild(quick_folder: Path) -> None:
    equal_rebuilds(quick_folder, examples=40)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_thousand_histories_equal_a_rebuild(quick_folder: Path) -> None:
    equal_rebuilds(quick_folder, examples=1000)
