"""The `graft` command: one table from subcommand to function, one place where errors become exit codes.

Results go to stdout, progress and remarks to stderr. A subcommand is imported only when it is called, so that
`graft --help` loads neither torch nor graspologic.

    graft eval run configs/experiments/demo.yaml
"""

from __future__ import annotations

import importlib
import io
import os
import sys
from typing import NoReturn

import click

from app.options import OrderedGroup
from app.output import print_logged_remarks, warn
from app.stderr import guard_stderr, print_traceback
from models.errors import DISK_FULL, MAKE_ROOM, ConfigError, GraftError, StoreError
from models.redaction import redact

SECTIONS: dict[str, dict[str, tuple[str, str]]] = {
    "Build a knowledge base": {
        "index": ("app.commands.index:index", "Build a knowledge base from a folder of documents."),
        "update": ("app.commands.update:update", "Add new and changed documents to a knowledge base."),
        "delete": (
            "app.commands.delete:delete",
            "Remove documents, or erase every trace of them.",
        ),
        "schema": ("app.commands.schema:schema", "Suggest entity types and relations from a sample of documents."),
    },
    "Ask questions": {
        "ask": ("app.commands.ask:ask", "Answer a question from a knowledge base, with citations."),
        "search": (
            "app.commands.search:search",
            "Find the passages and facts most relevant to a question.",
        ),
    },
    "Look at the graph": {
        "entities": (
            "app.commands.entities:entities",
            "List, merge and split entities, and undo such decisions.",
        ),
        "communities": (
            "app.commands.communities:communities",
            "List communities of entities and write reports on them.",
        ),
        "export": ("app.commands.export:export", "Write the graph to a file: GraphML, JSON lines, Cypher or CSV."),
        "neo4j": ("app.commands.neo4j:neo4j", "Copy a knowledge base to Neo4j and back, compare, query."),
    },
    "Train and evaluate": {
        "train": ("app.commands.train:train", "Train a LoRA adapter on a knowledge base."),
        "eval": (
            "app.commands.evaluate.run:evaluate",
            "Run experiments; measure retrievers, extractors, graphs.",
        ),
        "report": ("app.commands.report:report", "Write the HTML report of a run again."),
    },
    "Set up": {
        "models": ("app.commands.models:models", "List models and download their weights."),
        "doctor": ("app.commands.doctor:doctor", "Check what is installed and what is missing."),
    },
}
"""Heading of `graft --help`: name of a subcommand: (module and attribute, its line in the help)."""
COMMANDS: dict[str, tuple[str, str]] = {
    name: entry for commands in SECTIONS.values() for name, entry in commands.items()
}
"""All subcommands by name, in the order of the help."""


class LazyGroup(OrderedGroup):
    """A group whose subcommands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name][0].split(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, COMMANDS))
        for heading, commands in SECTIONS.items():
            with formatter.section(heading):
                # Names are padded to one width, so that the lines of all sections begin in the same column.
                formatter.write_dl([(name.ljust(width), text) for name, (_, text) in commands.items()])


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 success; 1 failure; 2 wrong usage or configuration; 3 finished, but some items failed; "
    "4 model or database cannot be reached; 5 budget reached; 130 interrupted. After 5 and 130, the same command "
    "resumes.",
)
@click.version_option(package_name="graftlab", prog_name="graft")
def graft() -> None:
    """Compare every way to give a language model knowledge it lacks.

    Documents become a knowledge base of passages and a graph of facts. Questions are answered from it with citations,
    and an experiment compares retrieval, graphs and trained adapters on the same questions.

    \b
    Examples:
      graft index articles/ --workspace kb                   build a knowledge base
      graft ask "Who leads Veldrane Tidal?" --workspace kb   answer a question from it, with citations
      graft eval run configs/experiments/demo.yaml           compare all ways; one table, one report
    """


def fail(error: GraftError) -> NoReturn:
    """Print an error in one line and exit with its code."""
    warn(str(error))
    sys.exit(error.exit_code)


def main() -> NoReturn:
    """Run the command line. Every exit passes through here, so that each error has its code and its one line."""
    guard_stderr()
    print_logged_remarks()
    try:
        _load_environment()
        code = graft.main(prog_name="graft", standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except click.exceptions.Abort:
        _interrupted()
    except click.ClickException as error:
        shown = io.StringIO()
        error.show(shown)
        click.echo(redact(shown.getvalue()), nl=False, err=True)
        sys.exit(error.exit_code)
    except GraftError as error:
        if os.environ.get("GRAFT_DEBUG"):
            print_traceback(error)
        fail(error)
    except KeyboardInterrupt:
        _interrupted()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        if error.errno not in DISK_FULL:
            raise
        fail(StoreError(f"{error.filename or 'A file'} cannot be written: {error.strerror}; {MAKE_ROOM}."))


def _load_environment() -> None:
    """Add the variables of `.env` to the environment; those that are set already keep their values.

    Raises:
        ConfigError: The file cannot be read.
    """
    from dotenv import load_dotenv

    try:
        load_dotenv(".env")
    except OSError as error:
        raise ConfigError(f"The file .env cannot be read: {error.strerror or error}. Make it readable.") from error
    except ValueError as error:
        # Its text may hold a key, so only the kind of the fault is named.
        fault = "is not UTF-8" if isinstance(error, UnicodeError) else "holds a NUL character"
        raise ConfigError(f"The file .env in the current folder {fault}. Save it as UTF-8 text.") from None


def _interrupted() -> NoReturn:
    click.echo("graft: Interrupted. The same command resumes where it stopped.", err=True)
    sys.exit(130)


if __name__ == "__main__":
    main()
