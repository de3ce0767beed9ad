"""The imports of a module, moved under one package: `from kg.schema import Fact` becomes `from graftlab.kg.schema ...`.

The source tree keeps its short names; a wheel holds the same tree under `graftlab`, since top-level packages named
`app` or `models` would hide a user's own. Every line keeps its number, so tracebacks fit the source. `unprefixed` looks
for what was overlooked, on a way of its own, and the build stops at the first such name.

Moved are import statements, names of modules given to `import_module` or `files`, dotted paths of modules that exist
("retrieval.retrievers.auto:AutoRetriever"), and programs, commands and references within strings.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Set
from dataclasses import dataclass

PACKAGE = "graftlab"

# Functions that take the name of a module as their first argument.
_BY_NAME = frozenset({"__import__", "files", "find_spec", "import_module", "run_module"})


@dataclass(frozen=True, slots=True)
class _Segment:
    """A stretch of a source text, by offsets in its bytes."""

    start: int
    end: int


class Prefixer:
    """Moves the modules of a tree under `PACKAGE`."""

    def __init__(self, modules: Set[str]) -> None:
        """
        Args:
            modules: Dotted names of all modules and packages of the tree, without the prefix.
        """
        self._modules = modules
        self._folders = {name.partition(".")[0] for name in modules}
        folder = "|".join(sorted(self._folders))
        # What says within a string that a name is a module's. The name is the last group.
        self._in_strings = (
            re.compile(rf"\bfrom\s+((?:{folder})(?:\.\w+)*)(?=\s+import\b)"),
            re.compile(rf"\bpython3? -m ((?:{folder})(?:\.\w+)*)"),
            re.compile(rf"`((?:{folder})(?:\.\w+)+)(?=[:`])"),
        )

    def prefix(self, source: str) -> str:
        """A module's text with every name of ours prefixed.

        Raises:
            ValueError: `import kg.schema` binds the name `kg`, which the text then uses; such a line cannot be moved.
        Example:
            >>> Prefixer({"kg", "kg.schema"}).prefix("from kg.schema import Fact  # a noun")
            'from graftlab.kg.schema import Fact  # a noun'
        """
        text = source.encode()
        lines = _line_starts(text)
        inserts = {*self._statements(source, text, lines), *self._strings(source, text, lines)}
        for offset in sorted(inserts, reverse=True):
            text = text[:offset] + f"{PACKAGE}.".encode() + text[offset:]
        return text.decode()

    def unprefixed(self, source: str) -> list[str]:
        """Names of ours that a moved text still has without the prefix, each with its line; none if all is well."""
        return [f"line {line}: {name}" for line, name in self._left(ast.parse(source))]

    def _statements(self, source: str, text: bytes, lines: list[int]) -> Iterator[int]:
        """Offsets of the names of ours in import statements."""
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ImportFrom) and node.level == 0 and self._is_ours(str(node.module)):
                start = lines[node.lineno - 1] + node.col_offset
                keyword = re.compile(rb"from\s+").match(text, start)
                assert keyword is not None
                yield keyword.end()
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    if self._is_ours(alias.name):
                        if not alias.asname:
                            raise ValueError(
                                f"line {node.lineno}: expected `from ... import ...` or `import ... as ...`, found "
                                f"`import {alias.name}`, whose uses cannot be told from other names."
                            )
                        yield lines[alias.lineno - 1] + alias.col_offset

    def _strings(self, source: str, text: bytes, lines: list[int]) -> Iterator[int]:
        """Offsets of the names of ours in strings."""
        tree = ast.parse(source)
        arguments = {id(node) for node, _ in _names_given(tree)}
        for node in _texts(tree):
            segment = _segment(node, lines)
            literal = text[segment.start : segment.end].decode()
            value = str(node.value) if isinstance(node, ast.Constant) else ""
            if self._is_path(value) or (id(node) in arguments and self._is_ours(value)):
                found = literal.find(value)
                if found >= 0:
                    yield segment.start + found
                continue
            for pattern in self._in_strings:
                for match in pattern.finditer(literal):
                    if self._names_module(match[1]):
                        yield segment.start + len(literal[: match.start(1)].encode())

    def _left(self, tree: ast.Module) -> Iterator[tuple[int, str]]:
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.level == 0 and self._is_ours(str(node.module)):
                yield node.lineno, str(node.module)
            elif isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names if self._is_ours(alias.name))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield from ((node.lineno, name) for name in self._left_in(node.value))
        yield from ((node.lineno, name) for node, name in _names_given(tree) if self._is_ours(name))

    def _left_in(self, value: str) -> Iterator[str]:
        if self._is_path(value):
            yield value
        for pattern in self._in_strings:
            yield from (match[1] for match in pattern.finditer(value) if self._names_module(match[1]))

    def _is_ours(self, module: str) -> bool:
        return module.partition(".")[0] in self._folders

    def _is_path(self, value: str) -> bool:
        """Whether a whole string is the dotted path of a module of ours, or of something in one."""
        module, colon, attribute = value.partition(":")
        return module in self._modules and ("." in module or bool(colon)) and (attribute.isidentifier() or not colon)

    def _names_module(self, name: str) -> bool:
        """Whether a dotted name begins with a module: `kg.schema.Fact` does, the file `eval.json` does not."""
        head, _, _ = name.rpartition(".")
        return name in self._modules or ("." in head and head in self._modules)


def _names_given(tree: ast.Module) -> Iterator[tuple[ast.Constant, str]]:
    """First arguments of functions that take a module's name, and that name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args:
            function, first = node.func, node.args[0]
            name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
            if name in _BY_NAME and isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first, first.value


def _texts(node: ast.AST) -> Iterator[ast.Constant | ast.JoinedStr]:
    """All strings; an f-string as one, since its parts have no positions of their own before Python 3.12."""
    if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str)):
        yield node
        return
    for child in ast.iter_child_nodes(node):
        yield from _texts(child)


def _line_starts(text: bytes) -> list[int]:
    """Offset of the first byte of every line."""
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    return starts


def _segment(node: ast.Constant | ast.JoinedStr, lines: list[int]) -> _Segment:
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    return _Segment(lines[node.lineno - 1] + node.col_offset, lines[node.end_lineno - 1] + node.end_col_offset)
