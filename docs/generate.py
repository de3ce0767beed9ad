"""The pages, and parts of pages, that are written from the code: nobody types a setting or an option twice.

    python -m docs.generate            # writes what is stale
    python -m docs.generate --check    # exit code 1 if something is

Written whole are the command line's reference, the settings' reference and the list of decisions. Within other pages a
part is replaced that stands between two comments:

    <!-- settings: graph -->      the settings of a retriever, from its pydantic model
    <!-- /settings -->
    <!-- figures: graph -->       what was measured of a retriever, from benchmarks/results
    <!-- /figures -->

Tables of benchmarks are `benchmarks.tables`' business.
"""

from __future__ import annotations

import argparse
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import click
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from app.cli import graft
from benchmarks.pages import renew, stale_pages
from benchmarks.results import read_runs
from benchmarks.tables import value_text
from models.runtime.dotted import load_dotted
from retrieval.retrievers.registry import RETRIEVERS

DOCS = Path(__file__).parent
SETTINGS = {
    "Index": ("kg.config:IndexConfig", "`graft index --config FILE`, and `index` in an experiment."),
    "Experiment": ("eval.config:Experiment", "`graft eval run FILE`."),
    "Arm": ("eval.systems:SystemConfig", "A file of `configs/systems`, or an entry of `arms` in an experiment."),
    "Adapter": ("training.config:TrainConfig", "`graft train --config FILE`, and `train` in an experiment."),
    "Hop encoder": ("training.config:HopConfig", "`graft train hops`."),
    "Model: a server": ("models.config:OpenAIModel", "`backend: openai` in a model's file."),
    "Model: llama.cpp": ("models.config:LlamaCppModel", "`backend: llamacpp`."),
    "Model: transformers": ("models.config:TransformersModel", "`backend: transformers`."),
    "Model: encoder": ("models.config:EncoderModel", "`backend: sentence-transformers`."),
    "Model: reranker": ("models.config:RerankerModel", "`backend: cross-encoder`."),
}
"""Sections of the settings' reference: the pydantic model, and where its settings are given."""
ELSEWHERE = {"index": "Index", "train": "Adapter", "arms": "Arm"}
"""Settings of an experiment that have a section of their own."""
METRICS = ("recall@5", "all@5", "recall@10")
_WRITTEN_BY = "<!-- Written by `python -m docs.generate`: change the code, not this page. -->"
_BLOCK = re.compile(r"(<!-- (?P<kind>settings|figures): (?P<name>[\w-]+) -->\n).*?(<!-- /(?P=kind) -->)", re.DOTALL)
_YAML = {"None": "null", "True": "true", "False": "false"}
_BOUNDS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}


def described(model: type[BaseModel]) -> dict[str, str]:
    """What the docstrings of a model and of those that it extends say of each attribute."""
    found: dict[str, str] = {}
    for each in reversed(model.__mro__):
        text = inspect.cleandoc(each.__dict__.get("__doc__") or "")
        attributes = re.search(r"^Attributes:\n(.*?)(?:\n\S|\Z)", text, re.DOTALL | re.MULTILINE)
        lines = inspect.cleandoc(attributes[1] if attributes else "").split("\n")
        name = ""
        for line in lines:
            start = re.match(r"(\w+): ?(.*)", line)
            if start and start[1] in getattr(each, "model_fields", {}):
                name, found[start[1]] = start[1], start[2]
            elif name:
                found[name] += " " + line.strip()
    return found


def rows_of(model: type[BaseModel], prefix: str = "", apart: Sequence[str] = ()) -> Iterator[tuple[str, str, str, str]]:
    """Name, default, allowed values and meaning of every setting, those of nested models behind a dot."""
    texts = described(model)
    for name, field in model.model_fields.items():
        if field.exclude or name in ("schema_version", "backend"):
            continue
        nested = _model_of(field.annotation)
        if nested and name not in apart:
            yield from rows_of(nested, f"{prefix}{name}.")
            continue
        text = texts.get(name, "")
        if name in apart:
            section = ELSEWHERE[name]
            yield f"{prefix}{name}", "", "", f"{text} See [{section}](#{section.lower()})."
        else:
            yield f"{prefix}{name}", _default(field), _allowed(field), text


def settings_table(model: type[BaseModel], apart: Sequence[str] = ()) -> str:
    """The settings of a pydantic model as a Markdown table."""
    rows = list(rows_of(model, apart=apart))
    if not rows:
        return "This retriever has no settings.\n"
    lines = ["| setting | default | allowed | meaning |", "|---|---|---|---|"]
    lines += [
        f"| `{name}` | {default} | {allowed} | {_as_yaml(_cell(text))} |" for name, default, allowed, text in rows
    ]
    return "\n".join(lines) + "\n"


def _model_of(annotation: Any) -> type[BaseModel] | None:
    """The settings behind an annotation: `Settings`, or `Settings | None`."""
    options = [annotation, *get_args(annotation)] if get_origin(annotation) is not tuple else []
    return next((each for each in options if inspect.isclass(each) and issubclass(each, BaseModel)), None)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if (isinstance(value, tuple | dict | list) and not value) or value == "":
        return ""
    if isinstance(value, dict):
        return ", ".join(f"`{key}: {each}`" for key, each in value.items())
    return f"`{yaml_text(value)}`"


def yaml_text(value: object) -> str:
    """A default as it would be written in YAML.

    Example:
        >>> yaml_text(None), yaml_text(True), yaml_text(0.5)
        ('null', 'true', '0.5')
    """
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _allowed(field: FieldInfo) -> str:
    choices = [
        str(each) for part in (field.annotation, *get_args(field.annotation)) if get_origin(part) is Literal
        for each in get_args(part)
    ]  # fmt: skip
    if choices:
        return ", ".join(f"`{each}`" for each in dict.fromkeys(choices))
    if bool in (field.annotation, *get_args(field.annotation)) and str not in get_args(field.annotation):
        return "`true`, `false`"
    bounds = [
        (sign, getattr(part, key)) for part in field.metadata for key, sign in _BOUNDS.items() if hasattr(part, key)
    ]
    return ", ".join(f"{sign} {value:g}" for sign, value in bounds)


def _as_yaml(text: str) -> str:
    """Python's constants as YAML writes them."""
    return re.sub(r"\b(None|True|False)\b", lambda found: f"`{_YAML[found[1]]}`", text)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def retriever_settings(name: str) -> str:
    """The settings of a retriever."""
    return settings_table(_retriever(name).Settings)


def _retriever(name: str) -> type[Any]:
    known = RETRIEVERS[name]
    found: type[Any] = load_dotted(known) if isinstance(known, str) else known
    return found


def retriever_figures(name: str) -> str:
    """What `graft eval retrieval` recorded of a retriever, beside dense search on the same set."""
    latest: dict[tuple[str, str, str], str] = {}
    sets: dict[str, None] = {}
    runs = (run for run in read_runs() if run.benchmark == "retrieval")
    for run in runs:
        for figure in run.figures:
            labels = figure.setting
            if figure.name in METRICS and labels.get("retriever") in (name, "dense") and "set" in labels:
                of_set = f"{Path(labels['set']).name} ({labels.get('questions', '?')})"
                latest[of_set, labels["retriever"], figure.name] = value_text(figure)
                if labels["retriever"] == name:
                    sets.setdefault(of_set)
    if not sets:
        return "No run of `graft eval retrieval` with this retriever is recorded.\n"
    others = [name] if name == "dense" else [name, "dense"]
    columns = [(metric, each) for metric in METRICS for each in others]
    lines = [
        "| set (questions) | " + " | ".join(f"{metric}, `{each}`" for metric, each in columns) + " |",
        "|---|" + "--:|" * len(columns),
    ]
    for of_set in sets:
        values = [latest.get((of_set, each, metric), "") for metric, each in columns]
        lines.append(f"| {of_set} | " + " | ".join(values) + " |")
    return "\n".join(lines) + "\n"


BLOCKS: dict[str, Callable[[str], str]] = {"settings": retriever_settings, "figures": retriever_figures}


def fill(text: str) -> str:
    """A page with the parts between its comments renewed."""
    return _BLOCK.sub(lambda part: f"{part[1]}{BLOCKS[part['kind']](part['name'])}{part[4]}", text)


def settings_page() -> str:
    """Every setting of every YAML file."""
    parts = [
        "# Settings",
        _WRITTEN_BY,
        "All YAML files are checked when they are read: an unknown name or a value out of range is an error that names"
        " the setting. A nested setting is written here with a dot, as `--set NAME=VALUE` of `graft eval run` takes it."
        " Settings of retrievers are on their pages.",
    ]
    for title, (dotted, where) in SETTINGS.items():
        apart = tuple(ELSEWHERE) if title == "Experiment" else ()
        parts += [f"## {title}", where, settings_table(load_dotted(dotted), apart).rstrip()]
    return "\n\n".join(parts) + "\n"


def cli_page() -> str:
    """Every command with its help, arguments and options."""
    parts = ["# Command line", _WRITTEN_BY, "`--help` after any command shows the same in the terminal."]
    for words, command in _commands(graft, ("graft",)):
        parts += _command_parts(words, command)
    return "\n\n".join(parts) + "\n"


def _commands(command: click.Command, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield words, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            if child is not None and not child.hidden:
                yield from _commands(child, (*words, name))


def _command_parts(words: tuple[str, ...], command: click.Command) -> Iterator[str]:
    context = click.Context(command, info_name=" ".join(words))
    yield f"{'##' if len(words) < 3 else '###'} {' '.join(words)}"
    yield f"```text\n{command.get_usage(context)}\n```"
    yield from _help_parts(command.help or "")
    options = [option for option in command.get_params(context) if isinstance(option, click.Option)]
    rows = [_option_row(option, context) for option in options if not option.hidden and "--help" not in option.opts]
    if rows:
        yield "\n".join(["| option | meaning |", "|---|---|", *rows])
    if isinstance(command, click.Group):
        children = [command.get_command(context, name) for name in command.list_commands(context)]
        rows = [
            f"| [`{child.name}`](#{'-'.join((*words, str(child.name)))}) | {_cell(child.get_short_help_str(120))} |"
            for child in children
            if child is not None
        ]
        yield "\n".join(["| command | |", "|---|---|", *rows])
    if command.epilog:
        yield " ".join(command.epilog.replace("\b", "").split())


def _help_parts(text: str) -> Iterator[str]:
    r"""Paragraphs of a help text; what stands behind a "\b" keeps its lines: commands with remarks, under a heading."""
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(text)):
        if not paragraph.startswith("\b"):
            yield _with_code(" ".join(paragraph.split()))
            continue
        lines = [line.strip() for line in paragraph.removeprefix("\b").strip("\n").split("\n")]
        heading = [lines.pop(0)] if lines[0] == "Examples:" else []
        yield from heading
        for is_code, group in groupby(lines, key=lambda line: line.startswith("graft ")):
            shown = [re.sub(r"^(.*\S) {2,}(\S.*)$", r"# \2\n\1", line) if is_code else line for line in group]
            yield "\n".join(["```sh" if is_code else "```text", *shown, "```"])


def _with_code(text: str) -> str:
    """Plain text as Markdown: angle brackets and stars as they are."""
    return re.sub(r"([*<])", r"\\\1", text) if "`" not in text else text


def _option_row(option: click.Option, context: click.Context) -> str:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    value = "" if option.is_flag else f" `{option.make_metavar(context)}`"
    record = option.get_help_record(context)
    return f"| {names}{value} | {_cell(_with_code(record[1] if record else ''))} |"


def decisions_page() -> str:
    """The list of decisions, newest first."""
    parts = [
        "# Decisions",
        _WRITTEN_BY,
        "Why things are as they are: one file a decision, with the figures that led to it. A decision that no longer"
        " holds stays, with the status *superseded*.",
    ]
    rows = ["| number | decision | date | status |", "|--:|---|---|---|"]
    for file in sorted((DOCS / "decisions").glob("0*.md"), reverse=True):
        title, date, status = decision_of(file)
        rows.append(f"| {file.name[:4]} | [{_cell(title)}]({file.name}) | <time>{date}</time> | {status} |")
    return "\n\n".join([*parts, "\n".join(rows)]) + "\n"


def decision_of(file: Path) -> tuple[str, str, str]:
    """Title, date and status of a decision.

    Raises:
        ValueError: The file has another form.
    """
    form = re.match(r"# (.+)\n\n- Date: (\d{4}-\d\d-\d\d)\n- Status: (\w.+)\n", file.read_text(encoding="utf-8"))
    if form is None:
        raise ValueError(f"{file.name}: expected a title, then lines with date and status, as in the other decisions.")
    return form[1], form[2], form[3]


PAGES: dict[str, Callable[[], str]] = {
    "reference/cli.md": cli_page,
    "reference/settings.md": settings_page,
    "decisions/index.md": decisions_page,
}


def pages() -> Iterator[tuple[Path, str]]:
    """Every file that is written whole or in part, with the text that it should have."""
    for name, page in PAGES.items():
        yield DOCS / name, page()
    for file in sorted(DOCS.rglob("*.md")):
        if str(file.relative_to(DOCS)) not in PAGES:
            text = file.read_text(encoding="utf-8")
            if _BLOCK.search(text):
                yield file, fill(text)


def stale() -> list[tuple[Path, str]]:
    """Those whose text is another one."""
    return stale_pages(pages())


def main(argv: Sequence[str] | None = None) -> int:
    """Write what is stale, or say so."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 if a page is stale")
    arguments = parser.parse_args(argv)
    return renew(pages(), arguments.check, "python -m docs.generate")


if __name__ == "__main__":
    sys.exit(main())
