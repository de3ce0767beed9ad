"""The errors of GRAFT, as one tree, with the exit code the command line gives for each.

A message is one or more full sentences: what was expected, what came, and what to do next.

    GraftError                     1  something failed
    ├── ConfigError                2  a configuration, flag or name is wrong
    ├── InputError                 2  a document, folder or data file cannot be used
    ├── StoreError                 1  a workspace is damaged, locked or of another version
    │   └── ServerError            4  the database server cannot be reached, or refuses
    ├── ModelError                 4  a model cannot be reached, loaded, or refuses
    │   ├── RefusalError           4  the server refuses every call (key, model, account)
    │   └── OutputError            1  this call gave nothing usable; another one may
    │       ├── EmptyReplyError    1  the model replied with an empty text
    │       └── RefusedPromptError 4  the server refused this prompt (filtered, malformed)
    │           └── TooLongError   4  the prompt is longer than the model's context
    └── BudgetError                5  --max-calls or --max-usd is used up; a second run continues
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING

from models.redaction import is_secret_name, redact

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails


DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Error numbers of a file that cannot grow: a full disk, a used-up quota, the file system's largest size."""
MAKE_ROOM = "free some space and run the same command again; finished work is safe"


class GraftError(Exception):
    """Root of every error that GRAFT raises on purpose. Secrets are taken out of its message when it is made."""

    exit_code = 1

    def __init__(self, message: str = "") -> None:
        super().__init__(redact(message))


class ConfigError(GraftError):
    """A configuration value, flag or name is wrong."""

    exit_code = 2


class InputError(GraftError):
    """A document, folder or data file cannot be used."""

    exit_code = 2


class StoreError(GraftError):
    """A workspace is damaged, locked by another process, or of another version."""


class ServerError(StoreError):
    """The database server behind a store cannot be reached, refuses, or is too old."""

    exit_code = 4


class ModelError(GraftError):
    """A model cannot be reached or loaded, after all retries."""

    exit_code = 4


class RefusalError(ModelError):
    """The server answered and refuses every call: wrong key, unknown model, no credit, a setting it does not take."""


class OutputError(ModelError):
    """One call gave no usable reply: refused, empty, cut off, or not of the schema. Its item failed, and no other.

    Attributes:
        tokens_in: Tokens read for the rejected reply, as far as known; the ledger counts them.
        tokens_out: Tokens written.
        recorded: Whether the reply came from the records, so that nothing was paid for it now.
        estimated: Whether the numbers of tokens are estimates, since the server stated none.
    """

    exit_code = 1

    def __init__(
        self,
        message: str = "",
        tokens_in: int = 0,
        tokens_out: int = 0,
        recorded: bool = False,
        estimated: bool = False,
    ) -> None:
        super().__init__(message)
        self.tokens_in = tokens_in
        self.tokens_out = tokens_out
        self.recorded = recorded
        self.estimated = estimated


class EmptyReplyError(OutputError):
    """The model replied with an empty text at every try; a later call may succeed."""


class RefusedPromptError(OutputError):
    """The server refused this prompt: its content filter, its moderation, or a rule that other prompts do not break."""

    exit_code = 4


class TooLongError(RefusedPromptError):
    """The server refused this prompt since it is longer than the model's context; a shorter one may pass."""


class BudgetError(GraftError):
    """The call or money budget is used up; the same command with a larger budget continues."""

    exit_code = 5


def describe_error(error: BaseException) -> str:
    """Type and message of any error without secrets, as records and journals keep it.

    Example:
        >>> describe_error(ValueError("http://ann:pw@host/v1 is down"))
        'ValueError: http://[redacted]@host/v1 is down'
    """
    return redact(f"{type(error).__name__}: {error}")


def describe_problems(
    error: ValidationError,
    subject: str = "file",
    known: Callable[[Sequence[str | int]], Sequence[str] | None] | None = None,
) -> str:
    """What pydantic found wrong, in one line: each field, the rule it broke, and the value that came.

    Args:
        error: What validating a pydantic model raised.
        subject: What to call the validated thing where no single field is at fault.
        known: Gives the names that would have done at the place of an unknown one (`models.files.fields`).
    """
    return "; ".join(_problem(problem, subject, known) for problem in error.errors())


def _problem(
    problem: ErrorDetails, subject: str, known: Callable[[Sequence[str | int]], Sequence[str] | None] | None
) -> str:
    field = ".".join(map(str, problem["loc"])) or subject
    if problem["type"] == "value_error":
        # Raised by a validator of ours, whose sentence says what came; pydantic only puts "Value error, " before it.
        sentence = problem["msg"].removeprefix("Value error, ").removesuffix(".")
        return f"{field}: {sentence}" if problem["loc"] else sentence
    if problem["type"] == "extra_forbidden" and known and (names := known(problem["loc"])) is not None:
        *around, name = map(str, problem["loc"])
        sentence = unknown_name("setting" if subject == "settings" else "field", name, names).removesuffix(".")
        return f"{'.'.join(around)}: {sentence}" if around else sentence
    if problem["type"] == "missing":
        # What came is everything around the field, which says nothing about it.
        return f"{field}: {problem['msg']}"
    if problem["type"] == "union_tag_invalid":
        # Pydantic puts the field that chooses among models into its sentence, and the whole mapping beside it.
        context = problem["ctx"]
        name = ".".join([*map(str, problem["loc"]), context["discriminator"].strip("'")])
        return f"{name}: Expected one of {context['expected_tags']} (got {_short(context['tag'])})"
    if is_secret_name(field.rpartition(".")[2]):
        return f"{field}: {problem['msg']} (the value is not shown, since it may be a secret)"
    return f"{field}: {problem['msg']} (got {_short(problem['input'])})"


def unknown_name(kind: str, name: str, known: Iterable[str], otherwise: str = "") -> str:
    """The one wording for a name that is in no table: what came, what is known, and the nearest known name.

    Args:
        kind: What the name should have named, in the singular: "retriever".
        name: The name that came.
        known: All names that would have done, in the order to show them.
        otherwise: What else is accepted, after "or": "a path package.module:Class".
    Example:
        >>> print(unknown_name("retriever", "grap", ["dense", "graph"], "a path package.module:Class"))
        Unknown retriever 'grap'. Did you mean 'graph'? Expected one of: dense, graph; or a path package.module:Class.
        >>> print(unknown_name("export format", "xml", []))
        Unknown export format 'xml'. There is none to choose from.
    """
    names = list(known)
    # One guess, by difflib's default cutoff of .6: below that, suggestions are rarely what was meant.
    near = get_close_matches(name, names, n=1)
    guess = f" Did you mean {near[0]!r}?" if near else ""
    choices = f"Expected one of: {', '.join(names)}" if names else "There is none to choose from"
    return f"Unknown {kind} {name!r}.{guess} {choices}{f'; or {otherwise}' if otherwise else ''}."


def _short(value: object) -> str:
    # A value may be a whole document.
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


RUN_ENDING_ERRORS = (BudgetError, ConfigError, StoreError)
"""Errors that end a run over many items; any other is the fault of one item, which is recorded and counted as wrong."""
