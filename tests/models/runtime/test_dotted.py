"""Dotted paths to the user's own classes."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

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


def test_a_plug_in_of_the_current_folder_is_found_without_being_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "beside_the_experiment.py").write_text("class Mine:\n    name = 'mine'\n", encoding="utf-8")
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    monkeypatch.chdir(tmp_path)
    assert load_dotted("beside_the_experiment:Mine").name == "mine"
    assert sys.path[-1] == str(tmp_path)


def test_the_current_folder_hides_no_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "colorsys.py").write_text("rgb_to_hsv = None\n", encoding="utf-8")
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    monkeypatch.chdir(tmp_path)
    assert load_dotted("colorsys:rgb_to_hsv") is not None
