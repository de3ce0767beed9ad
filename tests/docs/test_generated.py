"""Generated pages and parts are fresh, and nothing that they should say is missing."""

from __future__ import annotations

import re

import pytest

from docs.generate import DOCS, SETTINGS, decision_of, described, fill, main, rows_of, stale
from models.runtime.dotted import load_dotted
from retrieval.retrievers.registry import RETRIEVERS

PARTS = ["Context", "Decision", "Consequences"]
"""Of a decision; some weigh alternatives too."""


def test_generated_pages_are_fresh():
    assert [file.name for file, _ in stale()] == [], "run: python -m docs.generate"
    assert main(["--check"]) == 0


def test_every_retriever_has_a_page_with_its_settings_in_the_navigation():
    navigation = (DOCS.parent / "mkdocs.yml").read_text(encoding="utf-8")
    overview = (DOCS / "concepts" / "retrievers.md").read_text(encoding="utf-8")
    for name in RETRIEVERS:
        text = (DOCS / "retrievers" / f"{name}.md").read_text(encoding="utf-8")
        assert f"<!-- settings: {name} -->" in text
        assert f"retrievers/{name}.md" in navigation
        assert f"../retrievers/{name}.md" in overview


@pytest.mark.parametrize("name", [*SETTINGS, *RETRIEVERS])
def test_every_setting_has_a_meaning(name):
    known = RETRIEVERS.get(name, SETTINGS.get(name, ("",))[0])
    found = load_dotted(known) if isinstance(known, str) else known
    rows = rows_of(getattr(found, "Settings", found))
    assert [setting for setting, _, _, meaning in rows if not meaning.strip()] == []


def test_a_settings_meaning_comes_from_the_docstring_of_the_class_that_has_it():
    texts = described(load_dotted("retrieval.retrievers.registry:RETRIEVERS")["paths"].Settings)
    assert {"plans", "questions"} <= texts.keys()


def test_a_stale_part_is_written_again():
    page = "a\n<!-- settings: bm25 -->\nold\n<!-- /settings -->\nb\n"
    assert fill(page) == "a\n<!-- settings: bm25 -->\nThis retriever has no settings.\n<!-- /settings -->\nb\n"


def test_decisions_are_numbered_and_dated():
    files = sorted((DOCS / "decisions").glob("0*.md"))
    assert [int(file.name[:4]) for file in files] == list(range(1, len(files) + 1))
    found = [decision_of(file) for file in files]
    assert all(status.startswith(("accepted", "superseded")) for _, _, status in found)
    assert len({title for title, _, _ in found}) == len(files)
    for file in files:
        headings = re.findall(r"^## (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
        assert [each for each in headings if each != "Alternatives"] == PARTS, file.name
