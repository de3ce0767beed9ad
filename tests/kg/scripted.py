"""Models without weights for the tests of `kg`: what they answer follows from the prompt by simple rules.

`ScriptedChat` takes every run of capitalised words of a sentence for a name and every two
neighbouring names for a fact. `LetterEncoder` embeds a text by its letter triples. Run as a module, it
builds a workspace, for tests that kill the process:

    python -m tests.kg.scripted SOURCES WORKSPACE LOG DELAY_S
"""

from __future__ import annotations

import json
import re
import sys
import time
import zlib
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np

from kg.config import ExtractConfig
from models.errors import OutputError
from models.protocols import ChatRequest, Completion, Usage, Vectors

PLAIN = ExtractConfig(style="full", density=100, gleaning="none")
"""What `ScriptedChat` answers is all that a test is about: no parser adds to it or is waited for."""

_SENTENCE = re.compile(r"[^.]+\.?")
_NAME = re.compile(r"[A-Z]\w+(?: (?:& )?[A-Z]\w+)*")

TIDES = {
    "a.md": "Ada Lorne founded Marrow & Finch in Torsby. Lorne sold Marrow & Finch to Harrow Mills. "
    "Torsby lies by Lake Oune.",
    "b.md": "Tomas Lorne met Ada Lorne in Torsby. Harrow Mills moved to Bellwick. Bellwick borders Lake Oune.",
    "c.md": "Bellwick elected Ines Varga. Varga praised Harrow Mills. Ines Varga visited Lake Oune with Tomas Lorne.",
}


def write_sources(folder: Path, texts: dict[str, str] = TIDES) -> Path:
    """Write texts as files of a new folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def read_by_rule(passage: str) -> dict[str, Any]:
    """The answer to the extraction prompt for a passage, in the full style."""
    facts = []
    for sentence in _SENTENCE.findall(passage):
        for one, other in pairwise(_NAME.finditer(sentence)):
            between = sentence[one.end() : other.start()].strip() or "with"
            facts.append(f"{one[0]} ({_kind(one[0])}) | {between} | {other[0]} ({_kind(other[0])})")
    return {"facts": facts}


def _kind(name: str) -> str:
    return "person" if "Lorne" in name or "Varga" in name else "organisation"


class ScriptedChat:
    """Answers the extraction prompt by rule.

    Args:
        delay_s: How long an answer takes.
        log: File that gets a line with the passage for every call.
        fail: Given the passage's text, the error to raise, or None.
    """

    name = "scripted"
    digest = "scripted-1"

    def __init__(
        self, delay_s: float = 0.0, log: Path | None = None, fail: Callable[[str], Exception | None] | None = None
    ) -> None:
        self.delay_s = delay_s
        self.log = log
        self.fail = fail
        self.asked: list[str] = []

    def complete(self, request: ChatRequest) -> Completion:
        passage = request.messages[-1].content
        self.asked.append(passage)
        append(self.log, passage)
        time.sleep(self.delay_s)
        if self.fail is not None and (error := self.fail(passage)):
            raise error
        if request.schema is None:
            raise OutputError("the extraction prompt must come with a schema")
        answer = read_by_rule(passage.split("\n", 1)[1])
        text = json.dumps(answer)
        return Completion(text, Usage(len(passage.split()), len(text.split())), "stop", self.delay_s, parsed=answer)

    def close(self) -> None:
        """Nothing to free."""


class Finished:
    """Writes a line when the call of the model inside has come back, so when its answer is on record."""

    def __init__(self, inner: Any, log: Path) -> None:
        self.inner, self.log, self.name, self.digest = inner, log, inner.name, inner.digest

    def complete(self, request: ChatRequest) -> Completion:
        completion: Completion = self.inner.complete(request)
        append(self.log, request.messages[-1].content)
        return completion

    def close(self) -> None:
        self.inner.close()


class LetterEncoder:
    """Embeds a text by its letter triples: near texts are spelled alike."""

    name = "letters"
    digest = "letters-1"
    dimension = 256

    def __init__(self) -> None:
        self.seen: list[str] = []

    def encode(self, texts: Sequence[str], kind: Literal["query", "passage"] = "passage") -> Vectors:
        self.seen += texts
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            padded = f"  {text.casefold()} "
            for place in range(len(padded) - 2):
                vectors[row, zlib.crc32(padded[place : place + 3].encode()) % self.dimension] += 1
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


def append(log: Path | None, text: str) -> None:
    """Add a line to a file in one write."""
    if log is not None:
        with log.open("a", encoding="utf-8") as handle:
            handle.write(json.dumps(text) + "\n")


def lines(log: Path) -> list[str]:
    """The lines of such a file; one cut off by a kill is left out."""
    if not log.exists():
        return []
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines() if line.endswith('"')]


def main(sources: str, folder: str, log: str, delay_s: str) -> None:
    """Build a workspace with recorded calls; log the model's prompts and replies."""
    from kg.build import BuildModels, build
    from kg.config import IndexConfig
    from kg.language.sentences import RuleSentences
    from kg.workspace import Workspace
    from models.calls.executor import ThreadExecutor
    from models.calls.records import RecordedChat, Records

    with Workspace.create(Path(folder), IndexConfig(chunk_tokens=16, extract=PLAIN)) as workspace:
        chat = RecordedChat(ScriptedChat(float(delay_s), Path(f"{log}.asked")), Records(workspace.records_path))
        models = BuildModels(Finished(chat, Path(f"{log}.finished")), LetterEncoder(), RuleSentences())
        summary = build(workspace, Path(sources), models, executor=ThreadExecutor(2))
    sys.stdout.write(summary.digest)


if __name__ == "__main__":
    main(*sys.argv[1:])
