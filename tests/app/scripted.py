"""Models without weights that the tests of the command line name by their dotted paths."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models.errors import OutputError
from models.protocols import ChatRequest, Completion, OptionScore, OptionScores, Usage
from tests.kg.scripted import ScriptedChat

ENCODER = "tests.eval.scripted:Encoder"
EXTRACTOR = "tests.kg.scripted:ScriptedChat"
ANSWERER = "tests.app.scripted:Answerer"
QUERIER = "tests.app.scripted:Querier"
NEVER = "tests.app.scripted:Never"
PLAINLY = ("--config", str(Path(__file__).with_name("plain.yaml")))
"""Options with which the scripted extractor works alone, so that no test waits for a parser."""


class Answerer:
    """Answers with the first numbered line, and cites it and a line that does not exist."""

    name = "scripted-answerer"
    digest = "scripted-answerer-1"

    def complete(self, request: ChatRequest) -> Completion:
        """The words behind the heading of line 1."""
        lines = re.findall(r"^\[(\d+)\] (?:[^:\n]*: )?(.*)$", request.messages[-1].content, re.MULTILINE)
        number, words = lines[0]
        parsed: dict[str, Any] = {"answer": words, "citations": [int(number), 99], "found": True}
        if "claims" in (request.schema or {}).get("properties", {}):
            sentences = [(words, int(number)), ("Nine cows sang in a zeppelin.", int(number))]
            parsed = {"claims": [{"text": text, "citations": [cited]} for text, cited in sentences], "found": True}
        return Completion(json.dumps(parsed), Usage(50, 10), "stop", 0.25, parsed=parsed)

    def close(self) -> None:
        """Nothing to free."""


class Querier(Answerer):
    """Queries the graph for the neighbours of the first listed name, and answers with the first line."""

    digest = "scripted-querier-1"

    def complete(self, request: ChatRequest) -> Completion:
        """A query where the schema requires one."""
        if "query" not in (request.schema or {}).get("properties", {}):
            return super().complete(request)
        name = re.search(r"^Names: ([^;(\n]+)", request.messages[1].content, re.MULTILINE)
        assert name
        written = f"MATCH (a:Entity {{name: '{name[1].strip()}'}})-[f:FACT]-(b:Entity) RETURN b.name AS name, f LIMIT 3"
        return Completion(written, Usage(50, 10), "stop", 0.25, parsed={"query": written})


class Abstainer(Answerer):
    """Finds nothing."""

    digest = "scripted-abstainer-1"

    def complete(self, request: ChatRequest) -> Completion:
        """An honest no."""
        parsed = {"answer": "", "citations": [], "found": False}
        return Completion(json.dumps(parsed), Usage(50, 10), "stop", 0.25, parsed=parsed)


class Slow(ScriptedChat):
    """Takes half a second to read a passage."""

    def __init__(self) -> None:
        super().__init__(delay_s=0.5)


class Never:
    """A model that must not be opened, since an estimate costs nothing."""

    def __init__(self) -> None:
        raise AssertionError("a model was opened")


class OneFails:
    """A scorer that fails on the question of who swims."""

    name = "scripted-one-fails"
    digest = "scripted-one-fails-1"

    def count_tokens(self, text: str) -> int:
        """Words."""
        return len(text.split())

    def score(self, prefix: str, options: Sequence[str]) -> OptionScores:
        """The first option is always best."""
        if "Who swims" in prefix:
            raise OutputError("The scores are not numbers.")
        scores = tuple(OptionScore(-float(place), 1, 1) for place, _ in enumerate(options, 1))
        return OptionScores(scores, Usage(len(prefix.split()), 0), 0.01)

    def close(self) -> None:
        """Nothing to free."""
