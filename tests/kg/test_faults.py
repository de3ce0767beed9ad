"""Faults in the middle of a build: a bad minute, a text that breaks the server, a stop in a wait, a dying server."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

from kg.build import BuildModels
from kg.build import build as build_workspace
from kg.config import IndexConfig
from kg.language.sentences import RuleSentences
from kg.workspace import Workspace
from models.calls.executor import ThreadExecutor
from models.calls.records import Budget, RecordedChat, Records
from models.calls.retry import RetryClock
from models.config import LlamaCppModel, OpenAIModel
from models.errors import BudgetError, StoreError
from models.servers import llamacpp_process
from models.servers.llamacpp import LlamaCppChat
from models.servers.openai_chat import OpenAIChat
from models.weights.resolve import Weights
from tests.kg.chaos import Chaos
from tests.kg.scripted import PLAIN, TIDES, LetterEncoder, ScriptedChat, read_by_rule, write_sources
from tests.models.faulty_server import completion, serving, status

ROOT = Path(__file__).parents[2]
CONFIG = IndexConfig(chunk_tokens=16, extract=PLAIN)
BAD = "elected"
QUICK = RetryClock(sleep=lambda seconds: time.sleep(seconds / 100))


class Bench:
    """Sources, and a workspace to build from them with any chat model."""

    def __init__(self, folder):
        self.sources = write_sources(folder / "sources", TIDES)
        self.folder = folder

    def build(self, chat, name="workspace", workers=3):
        with Workspace.create(self.folder / name, CONFIG) as workspace, closing(chat):
            models = BuildModels(chat, LetterEncoder(), RuleSentences())
            return build_workspace(workspace, self.sources, models, executor=ThreadExecutor(workers))

    def digest(self):
        """Of a build without faults."""
        return self.build(ScriptedChat(), "whole").digest

    def journal(self):
        with Workspace.open(self.folder / "workspace") as workspace:
            return {entry.item: entry.status for entry in workspace.store.journal("extract")}


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


class Failing:
    """Answers by rule; the passage with the bad word fails with HTTP 500 so many times."""

    def __init__(self, times):
        self.left = times
        self.bad_calls = 0

    def __call__(self, handler):
        prompt = handler.asked["messages"][-1]["content"]
        if BAD in prompt:
            self.bad_calls += 1
            if self.left:
                self.left -= 1
                status(500)(handler)
                return
        handler.send(200, completion(json.dumps(read_by_rule(prompt.split("\n", 1)[1]))))


def client(server, retries=2, clock=QUICK):
    return OpenAIChat(OpenAIModel(base_url=server.url, model="m", retries=retries), api_key="k", clock=clock)


def test_what_fails_in_a_bad_minute_is_read_at_the_end(bench):
    play = Failing(times=3)
    with serving(play) as server:
        summary = bench.build(client(server))
    assert (summary.failed, play.bad_calls) == (0, 4)
    assert summary.digest == bench.digest()


def test_a_text_that_always_breaks_the_server_costs_two_rounds_of_tries_and_no_more(bench):
    play = Failing(times=1000)
    with serving(play) as server:
        summary = bench.build(client(server))
        assert len(server.seen) == summary.chunks - 1 + play.bad_calls
        assert [failure.reason[:10] for failure in summary.failures] == ["ModelError"]
        assert play.bad_calls == 2 * 3  # no other layer multiplies them
        assert bench.build(client(server)).failed == 1
        assert play.bad_calls == 2 * 3


def test_a_budget_used_up_among_faults_loses_nothing_that_was_paid_for(bench, tmp_path):
    chaos = Chaos(rate=0.4, seed=1)
    with closing(Records(tmp_path / "records.sqlite")) as records, serving(chaos) as server:
        runs = 0
        while True:
            known, calls = recorded(records), chaos.calls
            try:
                chat = client(server, retries=9)
                summary = bench.build(RecordedChat(chat, records, Budget(max_calls=2)), workers=2)
                break
            except BudgetError:
                runs += 1
                assert recorded(records) == known + 2
                assert chaos.calls >= calls + 2
                assert set(bench.journal().values()) == {"done"}
        assert runs == (summary.chunks - 1) // 2
        assert (summary.failed, recorded(records)) == (0, summary.chunks)
    assert summary.digest == bench.digest()


def recorded(records):
    return sum(row.calls for row in records.totals())


def test_an_interrupt_ends_waits_for_a_server_that_wants_to_be_left_alone(bench, tmp_path):
    """Threads that wait would hold the process for minutes; what they wait for is no fault of their passages."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with (
            closing(Records(tmp_path / "records.sqlite")) as records,
            serving(status(429, headers={"Retry-After": "200"})) as server,
        ):
            threading.Thread(target=interrupt_when, args=(lambda: len(server.seen) >= 3,), daemon=True).start()
            began = time.monotonic()
            with pytest.raises(KeyboardInterrupt):
                bench.build(RecordedChat(client(server, clock=RetryClock()), records))
            assert time.monotonic() - began < 10
            assert recorded(records) == 0
    finally:
        signal.signal(signal.SIGINT, before)
    assert bench.journal() == {}
    assert bench.build(ScriptedChat()).digest == bench.digest()


def interrupt_when(ready):
    while not ready():
        time.sleep(0.01)
    time.sleep(0.1)
    os.kill(os.getpid(), signal.SIGINT)


def test_a_full_disk_is_said_and_what_was_written_before_is_gone_on_with(bench, tmp_path, monkeypatch):
    expected, connect = bench.digest(), sqlite3.connect

    def pages(name):
        with closing(connect(tmp_path / name / "graph.sqlite")) as database:
            return database.execute("PRAGMA page_count").fetchone()[0]

    def on_a_disk_of(most):
        def limited(*values, **options):
            database = connect(*values, **options)
            database.execute(f"PRAGMA max_page_count = {most}")
            return database

        return limited

    def build(name):
        asked = ScriptedChat()
        with Workspace.create(tmp_path / name, CONFIG) as workspace:
            _ = workspace.store
            with closing(Records(workspace.records_path)) as records:
                models = BuildModels(RecordedChat(asked, records), LetterEncoder(), RuleSentences())
                try:
                    return build_workspace(workspace, bench.sources, models, executor=ThreadExecutor(2)).digest, asked
                except StoreError as error:
                    return str(error), asked

    with Workspace.create(tmp_path / "empty", CONFIG) as workspace, closing(Records(workspace.records_path)):
        _ = workspace.store
    build("roomy")
    sizes = range(pages("empty"), pages("roomy"), 2)
    assert len(sizes) > 3
    kept = []
    for most in sizes:
        name = f"disk-{most}"
        monkeypatch.setattr(sqlite3, "connect", on_a_disk_of(most))
        said, before = build(name)
        monkeypatch.setattr(sqlite3, "connect", connect)
        assert re.search("disk (is full|has room)", said), (most, said)
        with closing(connect(tmp_path / name / "graph.sqlite")) as database:
            requests = [json.loads(row[0]) for row in database.execute("SELECT request FROM calls")]
        known = {request["messages"][-1]["content"] for request in requests}
        digest, after = build(name)
        assert digest == expected
        assert known <= set(before.asked)
        assert not known & set(after.asked)
        kept.append(len(known))
    assert kept[0] < kept[-1]  # early and late in the build


@pytest.fixture
def dying(monkeypatch, tmp_path):
    """A llama.cpp model whose server dies so many times at the bad word; and the servers that were started."""
    monkeypatch.setenv("GRAFT_CACHE", str(tmp_path / "cache"))
    deaths, started = tmp_path / "deaths", []

    def spawn(log):
        command = [sys.executable, "-m", "tests.kg.dying_server", BAD, str(deaths)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with log.open("w") as errors:
            child = subprocess.Popen(
                command, stdin=-1, stdout=-1, stderr=errors, env=environment, text=True, encoding="utf-8"
            )
        started.append(child)
        return child

    def make(times):
        deaths.write_text(str(times))
        config = LlamaCppModel(weights="x", parallel=3, threads=1, retries=0, timeout_s=30)
        return LlamaCppChat(config, Weights("x", None, tmp_path / "x.gguf", "d", ""))

    monkeypatch.setattr(llamacpp_process, "_spawn", spawn)
    make.started = started
    return make


def test_a_server_that_dies_in_the_middle_is_started_again_and_the_build_goes_on(bench, dying, monkeypatch):
    close, closed = OpenAIChat.close, []
    monkeypatch.setattr(OpenAIChat, "close", lambda self: (closed.append(self), close(self)))
    summary = bench.build(dying(times=1))
    assert len(closed) == 1  # the last client, at the end: other threads may be reading from the one that broke
    assert [child.returncode for child in dying.started][:-1] == [-signal.SIGKILL]
    assert summary.failed == 0
    assert summary.digest == bench.digest()


def test_a_text_that_kills_its_server_every_time_fails_alone(bench, dying):
    summary = bench.build(dying(times=1000))
    [failure] = summary.failures
    assert "ended twice while it worked on the same request" in failure.reason
    assert sorted(set(bench.journal().values())) == ["done", "failed"]
    assert len(bench.journal()) == summary.chunks
    assert [child.returncode for child in dying.started] == [-signal.SIGKILL] * 4  # two rounds of two tries
