"""What a wheel holds: one package, whole, with no import of the source tree's names left in it."""

from __future__ import annotations

import hashlib
import re
import tomllib
import zipfile
from pathlib import Path

import pytest
from setuptools.errors import SetupError

from graftlab import FOLDERS
from packager.command import prefix_tree
from packager.prefix import PACKAGE

MEGABYTE = 1_000_000
# On a way of its own, without the build's parser: a statement, or a call that takes a module's name.
IMPORT = re.compile(
    rf"""^\s*(?:from|import)\s+(?:{"|".join(FOLDERS)})\b|\b(?:files|import_module)\(["'](?:{"|".join(FOLDERS)})\b""",
    re.MULTILINE,
)


def contents(wheel: Path) -> dict[str, bytes]:
    """Files of a wheel, without its metadata."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if ".dist-info/" not in name}


def test_a_wheel_has_one_top_level_package(wheel: Path) -> None:
    assert {name.partition("/")[0] for name in contents(wheel)} == {PACKAGE}


def test_every_module_compiles_and_imports_nothing_by_its_source_name(wheel: Path) -> None:
    modules = {name: text.decode() for name, text in contents(wheel).items() if name.endswith(".py")}
    assert len(modules) > 300
    for name, text in modules.items():
        compile(text, name, "exec")
    left = {name: found for name, text in modules.items() if (found := IMPORT.findall(text))}
    assert left.pop(f"{PACKAGE}/__init__.py", []) == []
    assert left == {}


def test_every_file_of_the_tree_is_there_and_data_is_unchanged(source: Path, wheel: Path) -> None:
    files = [
        path
        for folder in (*FOLDERS, "examples/saltmarsh")
        for path in sorted((source / folder).rglob("*"))
        if path.is_file()
    ]
    found = contents(wheel)
    missing = [str(path) for path in files if f"{PACKAGE}/{path.relative_to(source).as_posix()}" not in found]
    assert missing == []
    assert {path.suffix for path in files} >= {".yaml", ".md", ".j2", ".css", ".js", ".safetensors", ".jsonl", ".json"}
    for path in files:
        if path.suffix != ".py":
            assert found[f"{PACKAGE}/{path.relative_to(source).as_posix()}"] == path.read_bytes()


def test_only_lines_with_a_name_of_ours_differ_from_the_source(source: Path, wheel: Path) -> None:
    for name, text in contents(wheel).items():
        path = source / name.removeprefix(f"{PACKAGE}/")
        if path.suffix == ".py" and path.is_file():
            assert text.decode().replace(f"{PACKAGE}.", "") == path.read_text("utf-8").replace(f"{PACKAGE}.", "")


def test_a_wheel_is_typed_and_runs_as_a_module(wheel: Path) -> None:
    assert {f"{PACKAGE}/py.typed", f"{PACKAGE}/__main__.py", f"{PACKAGE}/__init__.py"} <= set(contents(wheel))


def test_an_sdist_makes_the_same_wheel(wheel: Path, wheel_of_sdist: Path) -> None:
    def digests(path: Path) -> dict[str, str]:
        return {name: hashlib.sha256(text).hexdigest() for name, text in contents(path).items()}

    assert digests(wheel_of_sdist) == digests(wheel)


def test_a_wheel_is_small(wheel: Path) -> None:
    assert wheel.stat().st_size < 5 * MEGABYTE


def test_the_folders_are_those_of_the_configuration(source: Path) -> None:
    tools = tomllib.loads((source / "pyproject.toml").read_text("utf-8"))["tool"]
    packaged = {pattern.removesuffix("*") for pattern in tools["setuptools"]["packages"]["find"]["include"]}
    assert packaged == {*FOLDERS, "examples.saltmarsh"}
    assert set(tools["importlinter"]["root_packages"]) == set(FOLDERS)


def test_a_build_stops_at_what_it_cannot_move_and_names_every_place(tmp_path: Path) -> None:
    (tmp_path / "kg").mkdir()
    (tmp_path / "kg" / "one.py").write_text("import os\nimport kg.two\n", encoding="utf-8")
    (tmp_path / "kg" / "two.py").write_text("NAME = 'kg.' 'one:x'\n", encoding="utf-8")
    with pytest.raises(SetupError, match=r"(?s)kg/one\.py, line 2: .*kg/two\.py, line 1: kg\.one:x"):
        prefix_tree(tmp_path)
