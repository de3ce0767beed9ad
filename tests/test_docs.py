"""The documents cannot rot: their commands parse, their Python imports, their settings and links are right.

Nothing of theirs is run here; `tests/docs` runs what a guide shows, `tests/e2e` the whole job.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from pydantic import ValidationError

from app.cli import graft
from eval.config import Experiment, parse_experiment
from kg.config import IndexConfig
from models.config import parse_model
from models.errors import GraftError

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMES = [path.relative_to(ROOT).as_posix() for path in DOCUMENTS]

FENCE = re.compile(r"^```([\w-]*)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
SHELLS = ("sh", "bash", "console", "shell", "text", "")
LINK = re.compile(r"""\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)|(?:src|href)="([^"]+)\"""")
ASSIGNMENT = re.compile(r"^[A-Za-z_]\w*=")
TARGET = re.compile(r"^([a-z][\w-]*):", re.MULTILINE)
CUT = ("|", "||", "&&", ";", ">", ">>", "2>", "<", "&")


def blocks(text: str, *languages: str) -> list[str]:
    return [body for language, body in FENCE.findall(text) if language in languages]


def commands(text: str) -> Iterator[tuple[list[str], bool]]:
    """Every `graft` and `make` command, as words, and whether it stands in a block and so must be complete."""
    for block in blocks(text, *SHELLS):
        for line in block.replace("\\\n", " ").splitlines():
            for words in split_line(line.strip().removeprefix("$ ")):
                yield words, True
    for inline in re.findall(r"`([^`\n]+)`", FENCE.sub("", text)):
        for words in split_line(inline):
            yield words, False


def split_line(line: str) -> Iterator[list[str]]:
    """The commands of a line that are ours; comments, redirections and settings before them are left out."""
    if not re.search(r"\b(graft|make)\b", line):
        return
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    try:
        words = list(lexer)
    except ValueError:  # an apostrophe in prose
        return
    found: list[str] = []
    skip = False
    for word in [*words, ";"]:
        if word in CUT:
            while found and ASSIGNMENT.match(found[0]):
                found.pop(0)
            if found and not skip and Path(found[0]).name in ("graft", "make"):
                yield [Path(found[0]).name, *found[1:]]
            found, skip = [], word in (">", ">>", "2>", "<")
        else:
            found.append(word)


def problem(words: list[str], complete: bool) -> str:
    """What is wrong with a command, or ""."""
    if words[0] == "make":
        known = set(TARGET.findall((ROOT / "Makefile").read_text(encoding="utf-8")))
        wanted = [word for word in words[1:] if "=" not in word and not word.startswith("-")]
        unknown = [word for word in wanted if word not in known]
        return f"make has no target {', '.join(unknown)}" if unknown else ""
    arguments = [word for word in words[1:] if complete or word not in ("…", "...")]
    try:
        check(graft, "graft", arguments, complete)
    except click.UsageError as error:
        return error.format_message()
    return ""


def check(command: click.Command, name: str, arguments: list[str], complete: bool) -> None:
    """Parse a command's arguments, down to its last subcommand.

    Raises:
        click.UsageError: A command, option or value that is not there.
    """
    context = click.Context(command, info_name=name)
    if isinstance(command, click.Group):
        _, rest, _ = command.make_parser(context).parse_args(list(arguments))  # stops at the first word without a dash
        if rest:
            child = command.get_command(context, rest[0])
            if child is None:
                raise click.UsageError(f"{name} has no command {rest[0]!r}")
            check(child, rest[0], rest[1:], complete)
        return
    values, rest, _ = command.make_parser(context).parse_args(list(arguments))
    if rest:
        raise click.UsageError(f"{name} does not take {' '.join(rest)}")
    if "--help" in arguments or "-h" in arguments:
        return
    for parameter in command.params:
        given = values.get(parameter.name)
        missing = not isinstance(given, str | list | tuple | bool | int) or given == ()
        if missing and parameter.required and complete and not parameter.envvar:
            raise click.UsageError(f"{name} needs {parameter.name}")
        if not missing and complete and not isinstance(parameter.type, click.Path):
            parameter.type_cast_value(context, given)


def links(text: str) -> list[str]:
    found = [one or other for one, other in LINK.findall(FENCE.sub("", text))]
    return [link for link in found if not re.match(r"[a-z][a-z0-9+.-]*:|#|//", link)]


def imported(code: str) -> list[tuple[str, str]]:
    """Modules that a program imports, each with a name that it must have, or ""."""
    found = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            found += [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found += [(str(node.module), alias.name) for alias in node.names]
    return found


def missing_names(code: str) -> list[str]:
    compile(code, "the document", "exec")
    missing = []
    for module, name in imported(code):
        try:
            found = importlib.import_module(module)
            there = not name or hasattr(found, name)
        except ImportError:
            there = False
        if not there:
            missing.append(f"{module}:{name}")
    return missing or misused(code)


def misused(code: str) -> list[str]:
    """Calls of imported functions with arguments that those do not take."""
    functions = {name: getattr(importlib.import_module(module), name) for module, name in imported(code) if name}
    wrong = []
    for node in ast.walk(ast.parse(code)):
        name = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
        if isinstance(node, ast.Call) and inspect.isfunction(functions.get(name)):
            keywords = {str(keyword.arg): None for keyword in node.keywords}
            try:
                inspect.signature(functions[name]).bind(*node.args, **keywords)
            except TypeError as error:
                wrong.append(f"{name}: {error}")
    return wrong


@pytest.mark.parametrize("name", NAMES)
def test_commands_exist_with_their_options(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    wrong = [(words, found) for words, complete in commands(text) if (found := problem(words, complete))]
    assert wrong == []


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_to_files(name):
    text, folder = (ROOT / name).read_text(encoding="utf-8"), (ROOT / name).parent
    assert [link for link in links(text) if not (folder / link.partition("#")[0]).exists()] == []


@pytest.mark.parametrize("name", NAMES)
def test_python_compiles_and_its_imports_exist(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert [missing for block in blocks(text, "python", "py") for missing in missing_names(block)] == []


@pytest.mark.parametrize("name", NAMES)
def test_settings_are_read(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    for block in blocks(text, "yaml", "yml"):
        check_settings(yaml.safe_load(block), block)


def check_settings(settings: Any, text: str) -> None:
    """Read a block of YAML as what its keys say it is; raises where a setting is wrong."""
    if "backend" in settings:
        parse_model(text)
    elif {"task", "reader"} <= settings.keys():
        parse_experiment(text, ROOT)
    elif settings.keys() & Experiment.model_fields.keys() - {"index", "encoder"}:  # a part of an experiment
        whole = {"name": "part", "workspace": "kb", "documents": {"path": "articles"}, "reader": "smollm2-135m"}
        task = {"path": "questions.jsonl"}
        Experiment.model_validate({**whole, "task": task, "arms": ["rag"], **settings})
    else:
        IndexConfig.model_validate(settings)


def test_a_wrong_setting_is_found():
    for text in ("chunk_tokns: 80", "backend: openai\nurl: x", "arms: [nothing]"):
        with pytest.raises((GraftError, ValidationError)):
            check_settings(yaml.safe_load(text), text)


def test_examples_of_the_help_parse():
    def examples(command: click.Command) -> Iterator[str]:
        yield from re.findall(r"^\s*(graft .*)$", command.help or "", re.MULTILINE)
        if isinstance(command, click.Group):
            for name in command.list_commands(click.Context(command)):
                child = command.get_command(click.Context(command), name)
                assert child is not None
                yield from examples(child)

    found = [re.split(r"\s{2,}", line)[0] for line in examples(graft)]  # a remark stands some blanks further right
    assert len(found) > 10
    assert [line for line in found for words in split_line(line) if problem(words, complete=True)] == []


@pytest.mark.parametrize(
    "line",
    [
        "graft idnex articles -w kb", "graft index articles -w kb --extract none", "graft ask -w kb", "make dmeo",
        "graft ask q -k many", "cd x && graft eval rnu demo", "HF_HUB_OFFLINE=1 graft search", "$ graft report a b",
        "graft index articles -w", "graft models pull",
    ],
)  # fmt: skip
def test_a_command_that_is_wrong_is_found(line):
    (found,) = commands(f"```sh\n{line}  # a remark\n```\n")
    assert problem(*found)


@pytest.mark.parametrize(
    "line",
    [
        "graft index articles/ --workspace kb --extractor none", 'graft ask "Who leads it?" --json > answer.json',
        "make", "graft eval run demo.yaml --dry-run | jq .total", "OPENAI_MODEL=m .venv/bin/graft doctor",
        "make setup demo", "make demo WORKSPACE=kb", "graft --help", "graft index --help", "graft models pull a b",
    ],
)  # fmt: skip
def test_a_command_that_is_right_passes(line):
    (found,) = commands(f"```bash\n$ {line}\n```\n")
    assert problem(*found) == ""


def test_inline_commands_may_be_shortened_but_not_invented():
    assert [problem(*found) for found in commands("Run `graft eval run …` or `make demo`.")] == ["", ""]
    assert all(problem(*found) for found in commands("Run `graft eval walk` or `graft ask --loud`."))


def test_a_dead_link_and_a_missing_name_are_found():
    assert links("[a](docs/x.md#y) [b](https://x.org) ![c](plot.svg) [d](#e)") == ["docs/x.md#y", "plot.svg"]
    assert missing_names("from app.api import ask, aks\nimport nosuchmodule") == ["app.api:aks", "nosuchmodule:"]
    (wrong,) = missing_names("from app.api import ask\nask('Who?', 'kb', modle='m')")
    assert "modle" in wrong
