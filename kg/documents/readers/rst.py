"""reStructuredText, parsed by docutils: its text without its marks; one document a file.

No file is included, no raw markup is passed through, and no configuration is read. Directives and roles that docutils
does not know, such as those of Sphinx, give the text that they hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from kg.documents.encoding import read_decoded
from kg.documents.office.archive import readable
from kg.documents.office.blocks import Block, on_one_line, render, row_block
from kg.documents.parts import Notice, Part, RawDocument, SourceFile
from kg.documents.web.formulas import shifted
from kg.language.dates import normalise_date
from models.errors import InputError

if TYPE_CHECKING:
    from docutils.nodes import Element, Node, document

_DIRECTIVE = re.compile(r"^\s*\.\.\s+(?:\|[^|\n]+\|\s+)?([\w:+.-]+?)\s*::(?:\s|$)", re.MULTILINE)
_ROLE = re.compile(r":([A-Za-z][\w:+.-]*):`|`:([A-Za-z][\w:+.-]*):")
_WITHOUT_TEXT = (
    *("toctree", "index", "raw", "include", "literalinclude", "highlight", "currentmodule", "module", "date"),
    *("py:module", "py:currentmodule", "automodule", "autoclass", "autofunction", "automethod", "autoexception"),
    *("autosummary", "graphviz", "mermaid", "uml"),
)
"""Directives whose content is no text, or is in another file; that of today's date is not in the file."""
_CONDITIONS = ("only", "ifconfig")
_INCLUDES = re.compile(r"^\s*\.\.\s+(?:literal)?include::\s*(\S+)", re.MULTILINE)
_TARGET = re.compile(r"\s*<[^<>]*>$")
_SETTINGS = {
    "file_insertion_enabled": False,
    "raw_enabled": False,
    "_disable_config": True,
    "report_level": 5,
    "halt_level": 5,
    "warning_stream": False,
    "smart_quotes": False,
    "line_length_limit": 10_000_000,
}


def read_rst(file: SourceFile) -> Iterator[Part]:
    """A reStructuredText file."""
    decoded = read_decoded(file)
    yield from decoded.notices
    with readable(file, "reStructuredText"):
        tree = _parse(decoded.text)
        text = render(_blocks(tree, 0))
    if not text:
        raise InputError(f"{file.name} holds no text.")
    title = tree.get("title", "") or (text.partition("\n")[0].lstrip("# ") if text.startswith("#") else "")
    yield RawDocument(text, " ".join(str(title).split()), _date(tree))
    if included := list(dict.fromkeys(_INCLUDES.findall(decoded.text))):
        yield Notice(f"Files that it includes are read where they are, not as part of it: {', '.join(included)}.")


def _parse(text: str) -> document:
    from docutils.core import publish_doctree

    for name in set(_DIRECTIVE.findall(text)):
        _know_directive(name.lower())
    for names in set(_ROLE.findall(text)):
        _know_role((names[0] or names[1]).lower())
    return publish_doctree(text, settings_overrides=_SETTINGS)


@cache
def _know_directive(name: str) -> None:
    """Have docutils read a directive that it does not know as a block of text."""
    from docutils import nodes
    from docutils.parsers.rst import Directive, directives
    from docutils.parsers.rst.languages import en

    class Ignored(Directive):  # type: ignore[misc]
        has_content, optional_arguments, final_argument_whitespace = True, 100, True
        option_spec = _AnyOption()

        def run(self) -> Sequence[Node]:
            return []

    class Block(Directive):  # type: ignore[misc]
        has_content, optional_arguments, final_argument_whitespace = True, 100, True
        option_spec = _AnyOption()

        def run(self) -> Sequence[Node]:
            arguments = "" if name in _CONDITIONS else " ".join(" ".join(self.arguments).split())
            head = [nodes.paragraph("", arguments)] if arguments else []
            body = nodes.container()
            self.state.nested_parse(self.content, self.content_offset, body)
            return [*head, *body.children]

    if name in _WITHOUT_TEXT:
        directives.register_directive(name, Ignored)
    elif name not in en.directives and name not in directives._directive_registry:
        directives.register_directive(name, Block)


class _AnyOption(dict[str, Any]):
    """Options of a directive that is not known: any name, any value."""

    def __bool__(self) -> bool:
        return True

    def __getitem__(self, name: str) -> Any:
        return lambda value: value


@cache
def _know_role(name: str) -> None:
    """Have docutils read a role that it does not know as its text."""
    from docutils import nodes
    from docutils.parsers.rst import roles
    from docutils.parsers.rst.languages import en

    def role(
        role_name: str,
        rawtext: str,
        text: str,
        line: int,
        inliner: Any,
        options: Mapping[str, Any] = {},
        content: Any = (),
    ) -> tuple[list[Node], list[Node]]:
        plain = _TARGET.sub("", text.replace("\x00", "")) or text.strip("<>")
        return [nodes.inline(rawtext, plain.lstrip("~!"))], []

    if name not in en.roles and name not in roles._role_registry:
        roles.register_local_role(name, role)


def _blocks(element: Element, level: int) -> Iterator[Block]:
    from docutils import nodes

    for node in element.children:
        if isinstance(
            node, nodes.comment | nodes.substitution_definition | nodes.pending | nodes.target | nodes.docinfo
        ):
            continue
        if isinstance(node, nodes.system_message):
            # What could not be parsed is in it as it was written: a table, a directive.
            yield from (Block(text) for each in node.findall(nodes.literal_block) if _has_text(text := each.astext()))
        elif isinstance(node, nodes.title | nodes.subtitle):
            yield Block(_inline(node), level=max(level, 1))
        elif isinstance(node, nodes.section):
            yield from _blocks(node, level + 1 if level else _section_level(element))
        elif isinstance(node, nodes.topic) and "contents" in node["classes"]:
            continue
        elif isinstance(node, nodes.literal_block | nodes.doctest_block | nodes.math_block):
            yield Block(f"```\n{node.astext()}\n```")
        elif isinstance(node, nodes.list_item):
            yield from _item(list(_blocks(node, level)))
        elif isinstance(node, nodes.row):
            cells = [on_one_line(_blocks(entry, level)) for entry in node.children]
            yield row_block(cells)
        elif isinstance(node, nodes.line):
            yield Block(_inline(node), kind="line")
        elif isinstance(node, nodes.term | nodes.field_name | nodes.option_group):
            yield Block(_inline(node), kind="term")
        elif isinstance(node, nodes.image):
            yield Block(node.get("alt", ""))
        elif isinstance(node, nodes.label):
            continue
        elif isinstance(node, nodes.TextElement):
            yield Block(" ".join(_inline(node).split()))
        elif isinstance(node, nodes.Element):
            yield from _blocks(node, level)


def _has_text(source: str) -> bool:
    """Whether what could not be parsed is something else than a directive without text."""
    directive = _DIRECTIVE.match(source)
    return not directive or directive[1].lower() not in _WITHOUT_TEXT


def _section_level(element: Element) -> int:
    """Level of a document's sections: below its title, where it has one."""
    from docutils import nodes

    return 2 if any(isinstance(child, nodes.title) for child in element.children) else 1


def _item(blocks: Sequence[Block]) -> Iterable[Block]:
    return [Block(blocks[0].text, kind="item"), *blocks[1:]] if blocks and not blocks[0].kind else blocks


def _inline(node: Element) -> str:
    """Text of a paragraph; what docutils could not resolve is taken without its marks."""
    from docutils import nodes

    pieces = []
    for child in node.children:
        if isinstance(child, nodes.problematic):
            pieces.append(child.astext().strip("`|_"))
        elif isinstance(child, nodes.superscript | nodes.subscript):
            pieces.append(shifted(_inline(child), "sup" if isinstance(child, nodes.superscript) else "sub"))
        elif isinstance(child, nodes.Text):
            pieces.append(child.astext())
        elif isinstance(child, nodes.image):
            pieces.append(child.get("alt", ""))
        elif isinstance(child, nodes.footnote_reference | nodes.raw):
            continue
        elif isinstance(child, nodes.Element):
            pieces.append(_inline(child))
    return "".join(pieces)


def _date(tree: document) -> str:
    from docutils import nodes

    return next((date for node in tree.findall(nodes.date) if (date := normalise_date(node.astext()))), "")
