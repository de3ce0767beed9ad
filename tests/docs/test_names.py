"""Every module, class, function, file and folder that the documentation names is there."""

from __future__ import annotations

import importlib
import re

import pytest

from tests.docs.pages import DOCS, ROOT, page

PACKAGES = "models|kg|retrieval|training|eval|app|benchmarks|graftlab"
FOLDERS = f"{PACKAGES}|configs|docs|examples|tests"
CODE = re.compile(r"`([^`\n]+)`")
DOTTED = re.compile(rf"^(?:{PACKAGES})(?!\.py$)(?:\.\w+)+(?::\w+)?$")
PATH = re.compile(rf"^(?:{FOLDERS})(?:/(?!\.\.\.)[\w.-]+)+/?$")
DIRECTIVE = re.compile(r"^::: ([\w.]+)$", re.MULTILINE)
NAMES = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))


def is_there(dotted: str) -> bool:
    """Whether a dotted name is a module, or something within one."""
    parts = dotted.replace(":", ".").split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:length]))
        except ImportError:
            continue
        for attribute in parts[length:]:
            fields = getattr(found, "__dataclass_fields__", {}) | getattr(found, "model_fields", {})
            if not hasattr(found, attribute) and attribute not in fields:
                return False
            found = getattr(found, attribute, None)
        return True
    return False


@pytest.mark.parametrize("name", NAMES)
def test_dotted_names_can_be_imported(name):
    text = page(name)
    named = {code for code in CODE.findall(text) if DOTTED.match(code)} | set(DIRECTIVE.findall(text))
    assert sorted(dotted for dotted in named if not is_there(dotted)) == []


@pytest.mark.parametrize("name", NAMES)
def test_paths_exist(name):
    named = {code for code in CODE.findall(page(name)) if PATH.match(code)}
    assert sorted(path for path in named if not (ROOT / path).exists()) == []


def test_a_name_that_is_gone_is_found():
    assert is_there("kg.schema.Entity") and is_there("kg.schema") and is_there("kg.config:IndexConfig.chunk_tokens")
    assert not is_there("kg.schema.Entty") and not is_there("kg.skema")
