"""A small graph with two clear communities, and a model that reports on what it is shown."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from kg.config import IndexConfig
from kg.session import Session
from kg.workspace import Workspace
from models.calls.records import Budget, Records
from models.protocols import ChatRequest, Completion, Usage
from tests.kg.scripted import PLAIN

REPORTER = "tests.kg.reporting:Reporter"

STORIES = {
    "coast.md": "Ada Lorne founded Harrow Mills. Harrow Mills stands in Torsby. Torsby borders Lake Oune. "
    "Ada Lorne lives in Torsby. Lake Oune feeds Harrow Mills.",
    "hills.md": "Ines Varga leads Bellwick Castle. Bellwick Castle overlooks Sorrel Moor. Sorrel Moor hides Pelk Mine. "
    "Ines Varga owns Pelk Mine. Pelk Mine supplies Bellwick Castle.",
}


class Reporter:
    """Reports the first fact that it is shown, and one fact that there is not.

    Every request is kept in `asked`, of all instances, since the code under test opens its own.
    """

    name = "scripted-reporter"
    digest = "scripted-reporter-1"
    asked: list[ChatRequest] = []  # noqa: RUF012
    answer: Callable[[str], Any] | None = None

    def complete(self, request: ChatRequest) -> Completion:
        Reporter.asked.append(request)
        shown = request.messages[-1].content
        parsed = report_by_rule(shown) if Reporter.answer is None else Reporter.answer(shown)
        if isinstance(parsed, Exception):
            raise parsed
        return Completion(json.dumps(parsed), Usage(100, 20), "stop", 0.5, parsed=parsed)

    def close(self) -> None:
        """Nothing to free."""


def report_by_rule(shown: str) -> dict[str, Any]:
    """The title is the first name; the first finding cites fact 1, the second one that was not shown."""
    first = re.search(r"^\[1\] (.*)$", shown, re.MULTILINE)
    assert first is not None, shown
    name = shown.removeprefix("Names: ").split(",")[0]
    findings = [{"text": first[1], "facts": [1, 1, 60]}, {"text": "It is told elsewhere.", "facts": [60]}]
    return {"title": name, "summary": f"About {name}. More of it.", "findings": findings, "rating": 7}


@contextmanager
def session(path: Path, budget: Budget | None = None, retry_failed: bool = False) -> Iterator[Session]:
    """A workspace with its records, as paid stages are given it."""
    with Workspace.create(path, IndexConfig(chunk_tokens=16, extract=PLAIN)) as workspace:
        _ = workspace.store
        with closing(Records(workspace.records_path, retry_failed)) as records:
            yield Session(workspace, records, budget or Budget(), retry_failed=retry_failed)
