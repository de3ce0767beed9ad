"""Keys out of the environment: checked before they are sent, registered as secrets, never quoted.

A key with a line end at its end, as `$(cat file)` under Windows or a copied line gives it, cannot be sent in a header,
and the libraries' errors quote it in full. Nothing is stripped: a key that was repaired in silence would work here and
fail elsewhere.

    read_key("OPENAI_API_KEY")
"""

from __future__ import annotations

import os
import re

from models.errors import ConfigError
from models.network.address import control_name
from models.redaction import register_secret

# A name is what an environment can hold and a shell can set. Longer ones with many digits are keys put in its place.
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LONG_NAME = 24
_MANY_DIGITS = 4
_QUOTES = "\"'`“”‘’"


def read_key(variable: str) -> str | None:
    """The key in an environment variable, None where it is not set or empty.

    Raises:
        ConfigError: It holds what no key holds; the message names the variable and the fault, and no part of the key.
    """
    return check_key(os.environ.get(variable), f"The environment variable {variable}")


def check_key(key: str | None, source: str) -> str | None:
    """A key that can be sent in a header, None for an empty one; it is registered as a secret.

    Args:
        key: The key.
        source: Where it comes from, for the message: "The environment variable MY_KEY".
    Raises:
        ConfigError: It cannot be sent, or a quote or space came with it.
    """
    if not key:
        return None
    register_secret(key)
    register_secret(key.strip().strip(_QUOTES))
    if fault := _fault(key):
        raise ConfigError(
            f"{source} should hold a key of printable ASCII characters, but it holds {fault}. Set it again without, "
            "in the shell or in .env; the key is not shown here."
        )
    return key


def check_variable(name: str) -> str:
    """The name of an environment variable; a key that stands in its place is refused and registered as a secret.

    Raises:
        ValueError: It is no name; the message does not quote it.
    Example:
        >>> check_variable("OPENAI_API_KEY")
        'OPENAI_API_KEY'
    """
    digits = sum(letter.isdigit() for letter in name)
    if _NAME.fullmatch(name) and not (len(name) >= _LONG_NAME and digits >= _MANY_DIGITS):
        return name
    register_secret(name)
    raise ValueError(
        "Expected the name of an environment variable, such as OPENAI_API_KEY, but the value is none; if it is the key "
        "itself, put it into an environment variable or .env and name that here. The value is not shown"
    )


def _fault(key: str) -> str:
    """What makes a key unusable, as an object of "it holds", or ""."""
    if not key.strip():
        return "nothing but white space"
    if control := next((letter for letter in key if ord(letter) < 32 or ord(letter) == 127), None):
        where = " at its end" if key.rstrip().isprintable() and key[-1].isspace() else ""
        return f"{control_name(control)}{where}"
    if not key.isascii():
        return "a character outside ASCII" + (", such as a curly quote" if any(mark in key for mark in _QUOTES) else "")
    if key != key.strip():
        return "a space at its beginning or end"
    if key[0] in _QUOTES or key[-1] in _QUOTES:
        return "a quotation mark at its beginning or end"
    if key.lower().startswith(("bearer ", "basic ")):
        return "the word Bearer or Basic before the key, which GRAFT adds by itself"
    return "a space within" if " " in key else ""
