"""The imports of a module, moved under one package."""

from __future__ import annotations

import ast

import pytest

from packager.prefix import Prefixer

MODULES = {
    "kg",
    "kg.schema",
    "kg.stores",
    "kg.stores.sqlite",
    "eval",
    "eval.report",
    "configs",
    "models",
    "models.config",
}
PREFIXER = Prefixer(MODULES)


@pytest.mark.parametrize(
    ("line", "moved"),
    [
        ("from kg import schema", "from graftlab.kg import schema"),
        ("from kg.schema import (\n    Fact,\n)", "from graftlab.kg.schema import (\n    Fact,\n)"),
        ("from  kg.schema import Fact; import os", "from  graftlab.kg.schema import Fact; import os"),
        ("import os, kg.schema as s, eval as e", "import os, graftlab.kg.schema as s, graftlab.eval as e"),
        ("def f():\n    from kg.schema import Fact", "def f():\n    from graftlab.kg.schema import Fact"),
        ("é = 'ü'; from kg.schema import Fact", "é = 'ü'; from graftlab.kg.schema import Fact"),
        ("files('configs') / 'models'", "files('graftlab.configs') / 'models'"),
        ("resources.files('eval.report')", "resources.files('graftlab.eval.report')"),
        ("import_module('kg').x", "import_module('graftlab.kg').x"),
        ("T = {'models': 'kg.stores.sqlite:Store'}", "T = {'models': 'graftlab.kg.stores.sqlite:Store'}"),
        ("T = ('ü', 'kg.schema')", "T = ('ü', 'graftlab.kg.schema')"),
        ("run('import sys; from kg.schema import Fact')", "run('import sys; from graftlab.kg.schema import Fact')"),
        ("f'{a}: from kg.schema import {b}'", "f'{a}: from graftlab.kg.schema import {b}'"),
        ("'''See `kg.schema.Fact`.'''", "'''See `graftlab.kg.schema.Fact`.'''"),
        ("'''A\n\n>>> from kg import schema\n'''", "'''A\n\n>>> from graftlab.kg import schema\n'''"),
        ("'''`python -m eval`, python -m kg'''", "'''`python -m graftlab.eval`, python -m graftlab.kg'''"),
    ],
)  # fmt: skip
def test_names_of_ours_are_prefixed_and_nothing_else_changes(line: str, moved: str) -> None:
    assert PREFIXER.prefix(line) == moved
    assert PREFIXER.unprefixed(line)
    assert PREFIXER.unprefixed(moved) == []
    assert PREFIXER.prefix(moved) == moved


@pytest.mark.parametrize(
    "line",
    [
        "from . import kg",
        "from .kg import schema",
        "from kgx.schema import Fact",
        "import evaluate, models_of_others as models",
        "T = {'models': 1, 'eval': 2, 'kg': 3}",
        "open('eval.jsonl'), open('models.yaml'), open('kg/schema.py')",
        "'''The text comes from kg and eval; from models come answers.'''",
        "'''`eval.json` and `models.txt`, and `python -m pip`'''",
        "# from kg.schema import Fact",
        "files(folder), import_module(name), files('numpy')",
        "raise ValueError('no') from kg.schema",
    ],
)
def test_what_is_no_module_of_ours_stays(line: str) -> None:
    assert PREFIXER.prefix(line) == line
    assert PREFIXER.unprefixed(line) == []


def test_an_import_that_binds_a_folders_name_is_refused() -> None:
    with pytest.raises(ValueError, match=r"line 2: .*found `import kg\.schema`"):
        PREFIXER.prefix("import os\nimport kg.schema\n")


def test_lines_keep_their_numbers() -> None:
    source = '"""Doc."""\n\nfrom kg.schema import Fact\n\n\nclass Mine(Fact):\n    pass\n'
    before, after = ast.parse(source), ast.parse(PREFIXER.prefix(source))
    assert [node.lineno for node in before.body] == [node.lineno for node in after.body]


def test_a_name_left_is_reported_with_its_line() -> None:
    left = PREFIXER.unprefixed("x = 1\nfrom kg.schema import Fact\ny = import_module('kg')\n")
    assert left == ["line 2: kg.schema", "line 3: kg"]
