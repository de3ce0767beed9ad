"""`package.module:Class` to the class: how a configuration names the user's own model, store or retriever."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from models.errors import ConfigError


def is_dotted(name: str) -> bool:
    """Whether a name is a dotted path rather than a short name or a file.

    Example:
        >>> is_dotted("my_package.scorers:Fast"), is_dotted("hub:owner/name"), is_dotted("minilm")
        (True, False, False)
    """
    module, colon, attribute = name.partition(":")
    return bool(colon) and attribute.isidentifier() and all(part.isidentifier() for part in module.split("."))


def load_dotted(path: str) -> Any:
    """Import what a dotted path names.

    Raises:
        ConfigError: The module cannot be imported or has no such attribute.
    Example:
        >>> load_dotted("collections:Counter")("aab")["a"]
        2
    """
    if not is_dotted(path):
        raise ConfigError(f"Expected a dotted path package.module:Class, got {path!r}.")
    module, _, attribute = path.partition(":")
    try:
        return getattr(import_module(module), attribute)
    except ImportError as error:
        raise ConfigError(f"{path}: the module {module} cannot be imported: {error}") from error
    except AttributeError as error:
        raise ConfigError(f"{path}: the module {module} has no {attribute}.") from error
