"""XML to trees, and trees to text.

Entities that a file declares for itself are replaced, within libxml2's bound on how much they may grow; nothing outside
the file is ever read.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from models.errors import InputError

if TYPE_CHECKING:
    from lxml.etree import XMLParser, _Element


def parser() -> XMLParser:
    """A parser of XML of unknown origin; comments and processing instructions are dropped."""
    from lxml import etree

    return etree.XMLParser(
        resolve_entities="internal", no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )


def parse_xml(data: bytes, name: str) -> _Element:
    """The root of an XML document.

    Args:
        data: The document.
        name: What it is, for messages.
    Raises:
        InputError: It is not XML, needs what is outside of it, or grows beyond libxml2's bounds.
    """
    from lxml import etree

    try:
        return etree.fromstring(data, parser())
    except (etree.XMLSyntaxError, ValueError) as error:
        raise InputError(f"{name} is not valid XML ({error}). Save it again.") from error


def local_name(element: _Element) -> str:
    """Name of an element without its namespace; "" for an entity that was not replaced."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def attribute(element: _Element, name: str) -> str:
    """An attribute by its name without namespace, or ""."""
    for key, value in element.attrib.items():
        if str(key).rpartition("}")[2] == name:
            return str(value)
    return ""


def find_all(element: _Element, name: str) -> Iterator[_Element]:
    """Elements of a name without namespace, below an element, in document order."""
    for found in element.iter():
        if local_name(found) == name:
            yield found


def first_text(element: _Element, name: str) -> str:
    """Text of the first element of a name, on one line; "" if there is none."""
    for found in find_all(element, name):
        if text := " ".join("".join(found.itertext()).split()):
            return text
    return ""
