"""A build over HTTP through a proxy that spoils a share of the answers, and what becomes of its passages.

The real client asks a real server on loopback, which answers the extraction prompt by rule (`read_by_rule`) or, at a
given rate, misbehaves in one of twelve ways. Which way follows from the seed, the question and how often it was
asked, so that a run can be repeated whatever its threads do. Waits between tries are shortened, and their sum is told
in full length. Prints a table; exits with 1 where the chaos cost a passage, too many calls or the digest.

    python -m tests.kg.chaos --chunks 400 --rate 0.3 --seed 0
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from kg.build import BuildModels, build
from kg.config import IndexConfig
from kg.language.sentences import RuleSentences
from kg.summary import IndexSummary
from kg.workspace import Workspace
from models.calls.executor import ThreadExecutor
from models.calls.records import RecordedChat, Records
from models.calls.retry import RetryClock
from models.config import OpenAIModel
from models.servers.openai_chat import OpenAIChat
from tests.kg.scripted import PLAIN, LetterEncoder, read_by_rule
from tests.models.faulty_server import (
    Behaviour,
    Handler,
    answer,
    completion,
    drip,
    raw,
    reset,
    serving,
    status,
    truncated,
)

TIMEOUT_S = 2.0
THREADS = 8
_SHORTER = 20
_WRONG_FORMS = (
    '{"facts": "none"}',
    "{}",
    '{"facts": [], "note": "done"}',
    '{"facts": [{"subject": "Ada"}]}',
    '{"error": {"message": "upstream busy"}}',
    "[]",
)
_GARBAGE = (b"<html><h1>502 Bad Gateway</h1></html>", b"\xff\xfe\x00\x01", b'{"ok": true}', b'{"choices": [{"mess')
_SORRY = ("Sorry, I cannot do that now.", '{"facts": [', "<html>busy</html>")


class Chaos:
    """The behaviour of the proxy; counts what it did by kind ("" is a proper answer)."""

    def __init__(self, rate: float, seed: int) -> None:
        self.rate = rate
        self.seed = seed
        self.played: Counter[str] = Counter()
        self._asked: Counter[str] = Counter()
        self._lock = threading.Lock()

    @property
    def calls(self) -> int:
        """HTTP requests so far."""
        return self.played.total()

    def __call__(self, handler: Handler) -> None:
        prompt = handler.asked["messages"][-1]["content"]
        with self._lock:
            chance = random.Random(f"{self.seed} {self._asked[prompt]} {prompt}")
            self._asked[prompt] += 1
            text = json.dumps(read_by_rule(prompt.split("\n", 1)[1]))
            faults = _faults(completion(text), chance)
            kind = chance.choice(list(faults)) if chance.random() < self.rate else ""
            self.played[kind] += 1
        (faults[kind] if kind else answer(text))(handler)


def _faults(body: bytes, chance: random.Random) -> dict[str, Behaviour]:
    """Every way to spoil a proper answer, by its name in the table."""
    return {
        "429": status(429, "slow down"),
        "429 with Retry-After": status(429, "slow down", {"Retry-After": str(chance.randint(1, 20))}),
        "500": status(500),
        "503": status(503),
        "connection reset": reset,
        "slow drip": drip(body, 2 * TIMEOUT_S / len(body)),
        "truncated body": truncated(body[: chance.randrange(len(body))]),
        "empty body": raw(b""),
        "empty answer": answer(""),
        "garbage body": raw(chance.choice(_GARBAGE)),
        "garbage answer": answer(chance.choice(_SORRY)),
        "wrong-schema JSON": answer(chance.choice(_WRONG_FORMS)),
    }


@dataclass(frozen=True, slots=True)
class Outcome:
    """One build: its own summary, how its passages ended, and its calls over HTTP."""

    summary: IndexSummary
    ended: Counter[str]
    played: Counter[str]
    waited_s: float
    seconds: float


def write_corpus(folder: Path, chunks: int, seed: int = 0) -> Path:
    """Texts of invented names, two sentences to a passage, so that an answer stays within the schema."""
    chance = random.Random(seed)
    names = [f"{_word(chance)} {_word(chance)}" for _ in range(max(9, chunks // 2))]
    verbs = ("founded", "visited", "sold", "praised", "borders", "met")
    folder.mkdir(parents=True)
    for number in range(0, chunks, 10):
        sentences = (
            f"{chance.choice(names)} {chance.choice(verbs)} {chance.choice(names)} near {chance.choice(names)}."
            for _ in range(2 * min(10, chunks - number))
        )
        (folder / f"{number:05}.md").write_text(" ".join(sentences), encoding="utf-8")
    return folder


def _word(chance: random.Random) -> str:
    return "".join(chance.choice("bdfgklmnprstv") + chance.choice("aeiou") for _ in range(3)).capitalize()


def run(sources: Path, path: Path, rate: float, seed: int) -> Outcome:
    """Build a workspace through the proxy."""
    chaos, waits = Chaos(rate, seed), list[float]()

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        time.sleep(seconds / _SHORTER)

    began = time.perf_counter()
    with serving(chaos) as server, Workspace.create(path, IndexConfig(chunk_tokens=22, extract=PLAIN)) as workspace:
        config = OpenAIModel(base_url=server.url, model="rule", timeout_s=TIMEOUT_S, parallel=THREADS)
        _ = workspace.store
        with (
            closing(Records(workspace.records_path)) as records,
            closing(OpenAIChat(config, api_key="k", clock=RetryClock(sleep=sleep))) as client,
        ):
            models = BuildModels(RecordedChat(_Anywhere(client), records), LetterEncoder(), RuleSentences())
            summary = build(workspace, sources, models, executor=ThreadExecutor(THREADS))
        ended = Counter(str(entry.status) for entry in workspace.store.journal("extract"))
    return Outcome(summary, ended, chaos.played, sum(waits), time.perf_counter() - began)


class _Anywhere:
    """The client under a digest without its port, which differs from run to run."""

    digest = "rule-1"

    def __init__(self, inner: OpenAIChat) -> None:
        self.name, self.complete, self.close = inner.name, inner.complete, inner.close


def verdict(whole: Outcome, spoilt: Outcome) -> dict[str, float | bool]:
    """What the chaos cost, against the build without."""
    chunks = spoilt.summary.chunks
    return {
        "accounted": spoilt.ended.total() / chunks,
        "extracted": spoilt.ended["done"] / chunks,
        "calls_ratio": spoilt.played.total() / whole.played.total(),
        "same_digest": whole.summary.digest == spoilt.summary.digest,
    }


def table(whole: Outcome, spoilt: Outcome) -> str:
    """Both builds side by side."""
    found = verdict(whole, spoilt)
    rows: list[tuple[str, object, object]] = [("", "fault-free", "with faults")]
    rows += [
        (f"{status} chunks", whole.ended[status], spoilt.ended[status]) for status in ("done", "failed", "skipped")
    ]
    rows += [
        ("chunks in all", whole.summary.chunks, spoilt.summary.chunks),
        ("HTTP calls", whole.played.total(), f"{spoilt.played.total()} ({found['calls_ratio']:.3f} x)"),
        ("spoilt calls", 0, spoilt.played.total() - spoilt.played[""]),
        *((f"  {kind}", 0, count) for kind, count in sorted(spoilt.played.items()) if kind),
        ("accounted for", "", f"{found['accounted']:.2%}"),
        ("extracted", "", f"{found['extracted']:.2%}"),
        ("digest", whole.summary.digest[:12], spoilt.summary.digest[:12]),
        ("waits between tries, s", f"{whole.waited_s:.0f}", f"{spoilt.waited_s:.0f}"),
        (f"seconds (waits / {_SHORTER})", f"{whole.seconds:.1f}", f"{spoilt.seconds:.1f}"),
    ]
    return "\n".join(f"{name:26}{one!s:>16}{other!s:>20}" for name, one, other in rows)


def main() -> int:
    """Run both builds and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--chunks", type=int, default=400)
    parser.add_argument("--rate", type=float, default=0.3, help="share of spoilt HTTP calls")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print the figures as one JSON document")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sources = write_corpus(Path(folder, "sources"), asked.chunks)
        whole, spoilt = (run(sources, Path(folder, str(rate)), rate, asked.seed) for rate in (0.0, asked.rate))
    found = verdict(whole, spoilt)
    figures = {"chunks": spoilt.summary.chunks, "calls": spoilt.played.total(), "played": spoilt.played, **found}
    sys.stdout.write((json.dumps(figures) if asked.json else table(whole, spoilt)) + "\n")
    good = found["accounted"] == 1 and found["extracted"] >= 0.999 and found["same_digest"]
    return 0 if good and found["calls_ratio"] <= 1.6 else 1


if __name__ == "__main__":
    sys.exit(main())
