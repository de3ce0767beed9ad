"""Dotted paths to the user's own classes."""

from __future__ import annotations

from collections import Counter

import pytest

from models.errors import ConfigError
from models.runtime.dotted import is_dotted, load_dotted


def test_what_counts_as_dotted() -> None:
    assert is_dotted("a.b:C")
    assert not any(map(is_dotted, ["a.b.C", "hub:owner/name", "smollm2-135m", "C:/models/a.yaml", "a:", ":b"]))


def test_the_class_itself_comes_back() -> None:
    assert load_dotted("collections:Counter") is Counter


@pytest.mark.parametrize("path", ["no_such_package_here:A", "collections:NoSuchClass", "collections"])
def test_what_cannot_be_imported_is_named(path: str) -> None:
    with pytest.raises(ConfigError, match=path):
        load_dotted(path)
