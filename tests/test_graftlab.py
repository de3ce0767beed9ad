"""The one public name, in a checkout; `tests/packager` has the wheel."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

import app.api
import graftlab
import kg.schema
from graftlab import FOLDERS

ROOT = Path(__file__).parents[1]


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_the_functions_are_those_of_the_python_interface() -> None:
    assert sorted(graftlab.__all__) == sorted(app.api.__all__)
    assert all(getattr(graftlab, name) is getattr(app.api, name) for name in graftlab.__all__)
    assert set(graftlab.__all__) < set(dir(graftlab))


@pytest.mark.parametrize("name", ["kg.schema", "retrieval.types", "app.api", "configs", "eval.statistics"])
def test_a_module_is_one_object_under_both_names(name: str) -> None:
    assert importlib.import_module(f"graftlab.{name}") is importlib.import_module(name)
    assert importlib.import_module(name).__spec__.name == name  # type: ignore[union-attr]


def test_classes_are_the_same_whichever_way_they_are_imported() -> None:
    from graftlab.kg import schema
    from graftlab.kg.schema import Fact

    assert schema is kg.schema
    assert Fact is kg.schema.Fact


def test_what_is_not_there_is_not_found() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"graftlab\.nosuch"):
        importlib.import_module("graftlab.nosuch")
    with pytest.raises(ModuleNotFoundError, match=r"graftlab\.kg\.nosuch"):
        importlib.import_module("graftlab.kg.nosuch")
    with pytest.raises(ImportError, match="aks"):
        exec("from graftlab import aks", {})


def test_importing_the_package_loads_none_of_its_folders(tmp_path: Path) -> None:
    done = run(tmp_path, "-c", f"import sys, graftlab; print([name for name in {FOLDERS} if name in sys.modules])")
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.parametrize("module", ["graftlab", "graftlab.eval"])
def test_the_command_runs_as_a_module(module: str, tmp_path: Path) -> None:
    done = run(tmp_path, "-m", module, "--help")
    assert done.returncode == 0, done.stderr
    assert "Usage: graft" in done.stdout


@pytest.mark.parametrize("folder", ["app", "models"])
def test_a_package_of_the_users_with_the_name_of_a_folder_is_named(folder: str, tmp_path: Path) -> None:
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "__init__.py").touch()
    done = run(tmp_path, "-c", "from graftlab import index")
    assert done.returncode == 1
    assert f"{tmp_path / folder / '__init__.py'} has the same name" in done.stderr
    assert "installed wheel has no such clash" in done.stderr
