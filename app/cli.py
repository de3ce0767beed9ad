"""The `graft` command: one table from subcommand to function, one place where errors become exit codes.

Results go to stdout, progress and remarks to stderr. Subcommands are imported only when called, so
`graft --help` loads neither torch nor graspologic.

    graft eval run configs/experiments/demo.yaml
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from typing import NoReturn

import click

from models.errors import DISK_FULL, MAKE_ROOM, GraftError, StoreError

# name: (module and attribute, one line for `graft --help`)
COMMANDS: dict[str, tuple[str, str]] = {
    "models": ("app.commands.models:models", "List and pull model weights."),
    "index": ("app.commands.index:index", "Build the graph and the passage index of a folder of documents."),
    "update": ("app.commands.update:update", "Read new and changed documents; all others stay."),
    "delete": ("app.commands.delete:delete", "Remove documents, or erase every trace of them."),
    "schema": ("app.commands.schema:schema", "Learn kinds and relations from a sample of a corpus."),
    "search": ("app.commands.search:search", "Find evidence for a question: passages and facts."),
    "ask": ("app.commands.ask:ask", "Answer a question from the evidence, with citations."),
    "entities": ("app.commands.entities:entities", "Look at entities; merge, split and undo."),
    "train": ("app.commands.train:train", "Put the indexed documents into a LoRA adapter."),
    "eval": ("app.commands.evaluate.run:evaluate", "Compare closed-book, RAG, graph-RAG, LoRA and hybrids."),
    "report": ("app.commands.report:report", "Write the HTML report of a run again."),
    "communities": ("app.commands.communities:communities", "List communities, show one, write reports on them."),
    "neo4j": ("app.commands.neo4j:neo4j", "Copy a knowledge base to Neo4j and back, and compare."),
    "export": ("app.commands.export:export", "Take the graph away: GraphML, JSON lines, Cypher, CSV."),
    "doctor": ("app.commands.doctor:doctor", "Say what works here and what is missing."),
}


class LazyGroup(click.Group):
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
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 ok, 1 failure, 2 usage or configuration, 3 finished with failed items, "
    "4 model or database unreachable, 5 budget reached (resumable), 130 interrupted (resumable).",
)
@click.version_option(package_name="graftlab", prog_name="graft")
def graft() -> None:
    """Compare every way to give a language model knowledge it lacks.

    \b
    graft index FOLDER --workspace kb          build a knowledge base
    graft ask "Who leads X?" --workspace kb    answer from it, with citations
    graft eval run EXPERIMENT.yaml             the whole comparison, one table, one report
    """


def fail(error: GraftError) -> NoReturn:
    """Write an error as one paragraph and leave with its code."""
    click.echo(f"graft: {' '.join(str(error).split())}", err=True)
    sys.exit(error.exit_code)


def main() -> NoReturn:
    """Run the command line; every way out passes here."""
    from dotenv import load_dotenv

    load_dotenv(".env")
    try:
        code = graft.main(prog_name="graft", standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except click.exceptions.Abort:
        _interrupted()
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except GraftError as error:
        if os.environ.get("GRAFT_DEBUG"):
            traceback.print_exc()
        fail(error)
    except KeyboardInterrupt:
        _interrupted()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        if error.errno not in DISK_FULL:
            raise
        fail(StoreError(f"{error.filename or 'a file'} cannot be written: {error.strerror}; {MAKE_ROOM}"))


def _interrupted() -> NoReturn:
    click.echo("graft: interrupted; the same command goes on where it stopped.", err=True)
    sys.exit(130)


if __name__ == "__main__":
    main()
