"""A small invented world, and models without weights that answer its questions by simple rules.

`Scorer` prefers the option whose words stand in the prefix, `Chat` copies the first capitalised name after the
context, `Encoder` embeds by letter triples. Each is opened by its dotted path, as a user's own would be. Run as
a module, this file runs an experiment with a slow scorer, for tests that kill the process:

    python -m tests.eval.scripted EXPERIMENT.yaml WORKSPACE LOG DELAY_S
"""

from __future__ import annotations

import os
import sys
import time
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import yaml

from models.protocols import ChatRequest, Completion, OptionScore, OptionScores, Usage, Vectors

DOCUMENTS = {
    "bridges/oune.md": "---\ntitle: The bridge over the Oune\ndate: 2031-05-02\n---\n"
    "The Oune bridge was opened by Ada Lorne. It is painted green. Masons from Torsby built it in nine months.\n",
    "mills.md": "---\ntitle: Harrow Mill\ndate: 2030-01-09\n---\n"
    "Harrow Mill belongs to Tomas Finch. The mill grinds rye and barley. Tomas Finch lives in Bellwick.\n",
    "lake.md": "---\ntitle: Lake Varn\n---\nLake Varn freezes in January. Ines Varga swims in it all year.\n",
}
QUESTIONS: list[dict[str, Any]] = [
    {
        "id": "q1",
        "question": "Who opened the Oune bridge?",
        "choices": ["Tomas Finch", "Ada Lorne", "Ines Varga"],
        "answer": 1,
        "kind": "single-hop",
        "evidence": [{"document": "bridges/oune.md", "quote": "opened by  Ada\nLorne"}],
    },
    {
        "id": "q2",
        "question": "Where does the owner of Harrow Mill live?",
        "choices": ["Torsby", "Bellwick"],
        "answer": 1,
        "kind": "multi-hop",
        "evidence": [{"document": "mills.md", "quote": "Tomas Finch lives in Bellwick."}],
    },
    {
        "id": "q3",
        "question": "Who swims in Lake Varn?",
        "choices": ["Ines Varga", "Ada Lorne"],
        "answer": 0,
        "kind": "single-hop",
        "evidence": [{"document": "lake.md", "quote": ""}],
    },
    {
        "id": "q4",
        "question": "When did Harrow Mill burn down?",
        "choices": ["in 2031", "it never did"],
        "answer": 1,
        "kind": "never-happened",
    },
]
EXPERIMENT: dict[str, Any] = {
    "name": "little",
    "workspace": "kb",
    "documents": {"path": "articles"},
    "index": {"extractor": "none", "encoder": "tests.eval.scripted:Encoder", "chunk_tokens": 16},
    "task": {"format": "jsonl", "path": "questions.jsonl"},
    "reader": "tests.eval.scripted:Scorer",
    "context_tokens": 60,
    "passages": 3,
    "arms": ["closed-book", "oracle", "rag"],
}


def write_world(folder: Path, **changes: Any) -> Path:
    """Write documents, questions and experiment; returns the experiment's file."""
    import json

    for name, text in DOCUMENTS.items():
        path = folder / "articles" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    lines = "".join(json.dumps(row) + "\n" for row in QUESTIONS)
    (folder / "questions.jsonl").write_text(lines, encoding="utf-8")
    file = folder / "experiment.yaml"
    file.write_text(yaml.safe_dump({**EXPERIMENT, **changes}), encoding="utf-8")
    return file


def log(line: str) -> None:
    """Append a line to the file that SCRIPTED_LOG names, if it is set."""
    if target := os.environ.get("SCRIPTED_LOG"):
        with Path(target).open("a", encoding="utf-8") as handle:
            handle.write(line.replace("\n", " ") + "\n")


class Scorer:
    """Prefers the option with the most words in the prefix; SCRIPTED_DELAY_S slows it down."""

    name = "scripted"
    digest = "scripted-scorer-1"

    def __init__(self, adapter: Path | None = None) -> None:
        self.adapter = adapter
        log("open")

    def count_tokens(self, text: str) -> int:
        """Words."""
        return len(text.split())

    def score(self, prefix: str, options: Sequence[str]) -> OptionScores:
        """Minus one for every word of an option that the prefix lacks, and a little for its length."""
        time.sleep(float(os.environ.get("SCRIPTED_DELAY_S", "0")))
        log(prefix)
        words = set(prefix.replace(".", " ").replace("?", " ").split())
        scores = []
        for option in options:
            missing = sum(word not in words for word in option.split())
            scores.append(OptionScore(-missing - 0.1, len(option.split()), len(option)))
        return OptionScores(tuple(scores), Usage(len(prefix.split()), 0), 0.01)

    def close(self) -> None:
        """Nothing to free."""
        log("close")


class Chat:
    """Answers with the two words before the last full stop of the first numbered passage."""

    name = "scripted-chat"
    digest = "scripted-chat-1"

    def complete(self, request: ChatRequest) -> Completion:
        """A wrong answer without passages."""
        text = request.messages[-1].content
        passage = next((line for line in text.splitlines() if line.startswith("[")), "I do not know.")
        answer = " ".join(passage.rstrip(". ").split()[-2:])
        return Completion(answer + "\nAnd more.", Usage(len(text.split()), 2), "stop", 0.02)

    def close(self) -> None:
        """Nothing to free."""


class Paraphraser:
    """Says "We read that:" and repeats the passage."""

    name = "scripted-paraphraser"
    digest = "scripted-paraphraser-1"

    def complete(self, request: ChatRequest) -> Completion:
        """Half a second and seven tokens an answer."""
        text = " ".join(message.content for message in request.messages)
        sentence = next(
            text[text.index(word) :] for word in ("Oune", "Masons", "Harrow", "Tomas", "Lake") if word in text
        )
        return Completion(f"We read that: {sentence[:60]}.", Usage(20, 7), "stop", 0.5)

    def close(self) -> None:
        """Nothing to free."""


class Encoder:
    """Letter triples, hashed into 64 dimensions."""

    name = "scripted-encoder"
    digest = "scripted-encoder-1"
    dimension = 64

    def encode(self, texts: Sequence[str], kind: Literal["query", "passage"] = "passage") -> Vectors:
        """Array (n, 64), float32, rows of norm 1."""
        out = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            padded = f"  {text.lower()} "
            for start in range(len(padded) - 2):
                out[row, zlib.crc32(padded[start : start + 3].encode()) % self.dimension] += 1
        norms: Vectors = np.linalg.norm(out, axis=1, keepdims=True)
        return out / np.maximum(norms, 1e-6)


def main(experiment: str, workspace: str, log_file: str, delay_s: str) -> None:
    """Run an experiment with a slow scorer and print its digest."""
    from eval.experiment import load_experiment, run_experiment

    os.environ |= {"SCRIPTED_LOG": log_file, "SCRIPTED_DELAY_S": delay_s}
    result = run_experiment(load_experiment(experiment), workspace=Path(workspace))
    sys.stdout.write(result.results_digest)


if __name__ == "__main__":
    main(*sys.argv[1:])
