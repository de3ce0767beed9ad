"""Options that several subcommands share, each defined once, so that it has one name, one default and one wording.

A plain option is a decorator (`workspace_option`); one whose default or wording depends on the command is a function
that returns a decorator (`limit_option`). Decorators named `..._options` add several options and hand the command one
value made of them: `spending_options` a `Spending`, `filter_options` a `CorpusFilter`, `progress_option` a `Progress`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

import click
from click.core import ParameterSource

from models.errors import unknown_name

if TYPE_CHECKING:
    from retrieval.index.subset import CorpusFilter

F = TypeVar("F", bound=Callable[..., Any])
Option = Callable[[F], F]

workspace_option: Option[Any] = click.option(
    "--workspace",
    "-w",
    envvar="GRAFT_WORKSPACE",
    show_envvar=True,
    metavar="DIR",
    show_default="the only one in the current folder or under ./workspaces",
    help="Folder of the knowledge base.",
)
json_option: Option[Any] = click.option(
    "--json", "as_json", is_flag=True, help="Print the result as one JSON document."
)
dry_run_option: Option[Any] = click.option(
    "--dry-run", is_flag=True, help="Estimate calls, tokens, time and cost; call no model and change nothing."
)
retriever_option: Option[Any] = click.option(
    "--retriever",
    default="graph",
    show_default=True,
    metavar="NAME",
    help="Retrieval method: bm25, dense, rag, graph, ppr, paths, coe, flow, local, global, drift, tree, auto or "
    "cypher; or your own class as package.module:Class.",
)
encoding_option: Option[Any] = click.option(
    "--encoding",
    metavar="NAME",
    show_default="detected, file by file",
    help="Encoding of the files of text that have no byte order mark, such as cp1250 or latin2.",
)
_quiet_option: Option[Any] = click.option("--quiet", "-q", is_flag=True, help="Do not show progress.")


def limit_option(help_text: str, default: int | None, minimum: int = 1, letter: str = "-n") -> Option[Any]:
    """Add `--limit`.

    Args:
        help_text: What is limited: "Maximum number of passages."
        default: Value where the option is not given; None for no limit.
        minimum: Smallest value accepted.
        letter: Short form.
    """
    return click.option(
        "--limit",
        letter,
        default=default,
        show_default=True if default is not None else "all",
        type=click.IntRange(min=minimum),
        metavar="N",
        help=help_text,
    )


def model_option(help_text: str) -> Option[Any]:
    """Add `--model`, a chat model by its name in `configs/models`."""
    return click.option("--model", default="qwen-1.5b", show_default=True, metavar="NAME", help=help_text)


def encoder_option(help_text: str) -> Option[Any]:
    """Add `--encoder`, an embedding model by its name in `configs/models`."""
    return click.option("--encoder", default="minilm", show_default=True, metavar="NAME", help=help_text)


def base_option(help_text: str) -> Option[Any]:
    """Add `--base`, the language model that an adapter is trained for."""
    return click.option("--base", default="smollm2-135m", show_default=True, metavar="NAME", help=help_text)


def config_option(what: str) -> Option[Any]:
    """Add `--config`, a YAML file of `what` ("index settings"); options given beside it take precedence."""
    return click.option(
        "--config",
        "config_file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help=f"YAML file of {what}; options on the command line take precedence.",
    )


def context_tokens_option(help_text: str, default: int) -> Option[Any]:
    """Add `--context-tokens`, a budget of text that a model is given."""
    return click.option(
        "--context-tokens",
        default=default,
        show_default=True,
        type=click.IntRange(min=64),
        metavar="N",
        help=help_text,
    )


def seed_option(help_text: str) -> Option[Any]:
    """Add `--seed`; None where it is not given, so that a file of settings may have its own."""
    return click.option(
        "--seed", type=click.IntRange(min=0), metavar="N", show_default="0", help=f"Random seed of {help_text}."
    )


def learning_options(epochs: int, rate: str, rank: int | None = None) -> Option[Any]:
    """Add `--epochs`, `--rank` and `--learning-rate`; None where they are not given, as `seed_option`.

    Args:
        epochs: Default number of epochs, to be shown.
        rate: Default learning rate, to be shown.
        rank: Default rank, to be shown; None adds no `--rank`.
    """
    options = [
        click.option(
            "--epochs",
            type=click.IntRange(min=1),
            metavar="N",
            show_default=str(epochs),
            help="Number of passes over the training examples.",
        ),
        click.option("--learning-rate", type=float, metavar="RATE", show_default=rate, help="Peak learning rate."),
    ]
    if rank is not None:
        options.insert(
            1,
            click.option(
                "--rank",
                type=click.IntRange(min=1),
                metavar="N",
                show_default=str(rank),
                help="Rank of the LoRA matrices.",
            ),
        )
    return _together(*options)


def progress_option(function: F) -> F:
    """Add `--quiet`, and hand the command the `progress` that follows from it."""

    @wraps(function)
    def command(*args: Any, quiet: bool, **values: Any) -> Any:
        from app.progress import open_progress

        return function(*args, progress=open_progress(quiet), **values)

    return cast(F, _quiet_option(command))


def spending_options(retry: Literal["option", "always", "never"] = "option") -> Option[Any]:
    """Add `--max-calls`, `--max-usd`, `--retry-failed` and `--quiet`, and hand the command one `spending`.

    Args:
        retry: Whether items that failed in an earlier run are tried again. "option" lets `--retry-failed` say;
            "always" suits a question, which its user asks again because it failed.
    """

    def add(function: F) -> F:
        @wraps(function)
        def command(
            *args: Any,
            max_calls: int | None,
            max_usd: float | None,
            quiet: bool,
            retry_failed: bool = retry == "always",
            **values: Any,
        ) -> Any:
            from app.opening import Spending
            from app.progress import open_progress

            spending = Spending(max_calls, max_usd, retry_failed, open_progress(quiet))
            return function(*args, spending=spending, **values)

        options = [_max_calls_option, _max_usd_option, _quiet_option]
        if retry == "option":
            options.insert(0, _retry_option)
        return cast(F, _together(*options)(command))

    return add


def filter_options(function: F) -> F:
    """Add `--after`, `--before` and `--type`, and hand the command one `corpus_filter` made of them."""

    @wraps(function)
    def command(*args: Any, after: str, before: str, types: tuple[str, ...], **values: Any) -> Any:
        return function(*args, corpus_filter=_parse_filter(after, before, types), **values)

    return cast(F, _together(_after_option, _before_option, _type_option)(command))


_retry_option: Option[Any] = click.option(
    "--retry-failed", is_flag=True, help="Try items again that failed in an earlier run."
)
_max_calls_option: Option[Any] = click.option(
    "--max-calls",
    type=click.IntRange(min=0),
    metavar="N",
    show_default="no limit",
    help="Stop before the model is called more than N times; the same command resumes later.",
)
_max_usd_option: Option[Any] = click.option(
    "--max-usd",
    type=click.FloatRange(min=0),
    metavar="USD",
    show_default="no limit",
    help="Stop before model calls cost more than this, in US dollars; the same command resumes later.",
)
_after_option: Option[Any] = click.option(
    "--after", default="", metavar="DATE", help="Use only documents of this date or later, such as 2031 or 2031-05-04."
)
_before_option: Option[Any] = click.option(
    "--before", default="", metavar="DATE", help="Use only documents of this date or earlier."
)
_type_option: Option[Any] = click.option(
    "--type",
    "types",
    multiple=True,
    metavar="TYPE",
    help="Use only passages and facts about entities of this type, such as person; may be repeated.",
)


def _together(*options: Option[Any]) -> Option[Any]:
    """One decorator that adds several options, shown in this order."""

    def add(function: F) -> F:
        # click lists the option that was applied last first.
        for option in reversed(options):
            function = option(function)
        return function

    return add


def _parse_filter(after: str, before: str, types: tuple[str, ...]) -> CorpusFilter:
    """The filter that the options describe.

    Raises:
        ConfigError: A date cannot be parsed.
    """
    from pydantic import ValidationError

    from models.errors import ConfigError, describe_problems
    from retrieval.index.subset import CorpusFilter

    try:
        return CorpusFilter(after=after, before=before, types=types)
    except ValidationError as error:
        raise ConfigError(f"These filters cannot be used: {describe_problems(error, 'filter')}.") from error


class OrderedGroup(click.Group):
    """A group that lists its subcommands in the order in which they were added, and helps with a misspelt one."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the subcommands, first added first."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The subcommand that the first argument names.

        Raises:
            click.UsageError: There is none of that name.
        """
        name = args[0]
        # What looks like an option is left to click, which has its own words for one that does not exist.
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            raise click.UsageError(unknown_name("command", name, self.list_commands(ctx)), ctx)
        return super().resolve_command(ctx, args)


def refuse_options(context: click.Context) -> None:
    """Refuse options of a command that come before its subcommand, which would not see them.

    Raises:
        click.UsageError: There is one.
    """
    for option in context.command.params:
        if context.get_parameter_source(option.name or "") is ParameterSource.COMMANDLINE:
            command = f"{context.command_path} {context.invoked_subcommand}"
            raise click.UsageError(
                f"{option.opts[0]} comes before {context.invoked_subcommand}. Write it after `{command}`.", context
            )


def parse_setting(text: str) -> tuple[str, Any]:
    """Name and value of "index.store=neo4j"; the value is YAML.

    Raises:
        click.UsageError: It is no such pair.
    """
    import yaml

    name, sign, value = text.partition("=")
    try:
        if sign and name.strip():
            return name.strip(), yaml.safe_load(value)
    except yaml.YAMLError:
        pass
    raise click.UsageError(f"--set expects NAME=VALUE with a value in YAML, such as index.store=neo4j; got {text!r}.")
