"""Reads documents with gold triples, in the formats in which sets for relation extraction are published.

`jsonl` is ours, one document a line; `entities` gives all names of a thing, of which a triple may use any:

    {"title": "Orrin", "text": "Ada Lorne leads Orrin Dynamics. ...",
     "triples": [["Ada Lorne", "leads", "Orrin Dynamics"]], "entities": [["Ada Lorne", "Lorne"]]}

`docred` and `redocred` are the official JSON (`vertexSet`, `labels`, `sents`), whose property ids become the words of
`docred_relations.yaml`; `webnlg` has `tokens` and `spo_list`, as a JSON list or an object a line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError

from eval.extraction.detokenise import detokenise
from kg.language.text import normalise, normalise_name
from kg.resolution.names import squash
from models.errors import ConfigError, InputError, describe_problems, unknown_name
from models.files.jsonl import read_objects
from models.files.settings import parse_mapping
from models.files.text import read_utf8

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
Text = Annotated[str, Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Relation:
    """A gold relation in words.

    Attributes:
        name: Wording from subject to object.
        inverse: Wording from object to subject; "" if the set names the role of an end ("manager"), not a direction.
    """

    name: str
    inverse: str = ""


@dataclass(frozen=True, slots=True)
class GoldDocument:
    """A text with its gold triples.

    Attributes:
        title: Title, or "".
        text: Running text.
        entities: Names of each annotated thing; any of them stands for it.
        triples: Subject, relation, object; subject and object as positions in `entities`.
    """

    title: str
    text: str
    entities: tuple[tuple[str, ...], ...]
    triples: tuple[tuple[int, Relation, int], ...]


def name_key(name: str) -> str:
    """A name in the form in which names are compared: without case, article, space and punctuation.

    Example:
        >>> name_key('The Wilfried " Willi " Schneider') == name_key('Wilfried "Willi" Schneider')
        True
        >>> name_key("1 . FC Union"), name_key("!!")
        ('1fcunion', '!!')
    """
    normal = normalise_name(name)
    return squash(tuple(normal.split())) or normal


class _Mention(BaseModel):
    name: str


class _Label(BaseModel):
    r: Text
    h: int = Field(ge=0)
    t: int = Field(ge=0)


class _DocredRow(BaseModel):
    title: str = ""
    sents: list[list[str]]
    vertexSet: list[Annotated[list[_Mention], Field(min_length=1)]]  # noqa: N815 - the set's own spelling
    labels: list[_Label]

    def document(self) -> GoldDocument:
        """Property ids in words; a heading's "\\n" never arises, since sentences are joined by spaces."""
        entities = []
        for mentions in self.vertexSet:
            names = [mention.name for mention in mentions]
            entities.append(tuple(dict.fromkeys(names)))
        for label in self.labels:
            if max(label.h, label.t) >= len(entities):
                raise ValueError(f"A label names entity {max(label.h, label.t)}, but there are {len(entities)}.")
        # Equal triples are one: the gold that is counted is distinct.
        triples = ((label.h, docred_relation(label.r), label.t) for label in self.labels)
        text = " ".join(detokenise(sentence) for sentence in self.sents)
        return GoldDocument(self.title, normalise(text), tuple(entities), tuple(dict.fromkeys(triples)))


class _WebnlgRow(BaseModel):
    tokens: Annotated[list[str], Field(min_length=1)]
    spo_list: list[tuple[Text, Text, Text]]

    def document(self) -> GoldDocument:
        return _from_names("", detokenise(self.tokens), self.spo_list, ())


class _JsonlRow(BaseModel):
    text: Text
    title: str = ""
    triples: list[tuple[Text, Text, Text]]
    entities: list[Annotated[list[Text], Field(min_length=1)]] = []

    def document(self) -> GoldDocument:
        return _from_names(self.title, self.text, self.triples, self.entities)


def _from_names(
    title: str, text: str, triples: Iterable[tuple[str, str, str]], entities: Iterable[Iterable[str]]
) -> GoldDocument:
    """Triples between names; a name that no entity has is an entity of its own."""
    known = [list(names) for names in entities]
    position: dict[str, int] = {}
    for number, names in enumerate(known):
        for name in names:
            position.setdefault(name_key(name), number)

    def end(name: str) -> int:
        # A new name gets the next free position; one that is known gets its own.
        number = position.setdefault(name_key(name), len(known))
        if number == len(known):
            known.append([name])
        return number

    gold = dict.fromkeys((end(s), Relation(words(p)), end(o)) for s, p, o in triples)
    return GoldDocument(title, normalise(text), tuple(tuple(dict.fromkeys(names)) for names in known), tuple(gold))


def words(relation: str) -> str:
    """The words of a relation's name.

    Example:
        >>> words("elevationAboveTheSeaLevel_(in_metres)"), words("runwayLength"), words("was a crew member of")
        ('elevation above the sea level (in metres)', 'runway length', 'was a crew member of')
    """
    return " ".join(_CAMEL.sub(" ", relation).replace("_", " ").split()).casefold()


def docred_relation(property_id: str) -> Relation:
    """A Wikidata property in words; an id that is not in the table stands for itself."""
    return Relation(*_docred_table().get(property_id, (words(property_id),)))


@cache
def _docred_table() -> dict[str, tuple[str, ...]]:
    """Wording of each property, and of its inverse, by Wikidata id."""
    name = "docred_relations.yaml"
    text = (files("eval.extraction") / name).read_text("utf-8")
    return {key: tuple(wordings) for key, wordings in parse_mapping(text, name, "wordings of relations").items()}


GoldRow = _DocredRow | _WebnlgRow | _JsonlRow
FORMS: dict[str, type[GoldRow]] = {
    "redocred": _DocredRow,
    "docred": _DocredRow,
    "webnlg": _WebnlgRow,
    "jsonl": _JsonlRow,
}
"""The model of one document, by name of the format."""
_EXPECTED = "a JSON list of documents, or a JSON object a line,"


def read_gold(form: str, path: Path, limit: int | None = None) -> list[GoldDocument]:
    """Read the first documents of a file.

    Args:
        form: One of `FORMS`.
        path: The file; a JSON list, or an object a line.
        limit: Maximum number of documents; None for all.
    Raises:
        ConfigError: There is no such format.
        InputError: The file cannot be read or is empty, or a document has another form or no gold.
    """
    if form not in FORMS:
        raise ConfigError(unknown_name("format of gold triples", form, FORMS))
    kind = FORMS[form]
    documents = []
    for number, row in enumerate(_rows(path)[:limit], start=1):
        if isinstance(row, dict) and "labels" in kind.model_fields and "labels" not in row:
            raise InputError(
                f"{path}, document {number} has no labels, as in an unlabelled test part. There is nothing to compare."
            )
        try:
            documents.append(kind.model_validate(row).document())
        except ValidationError as error:
            raise InputError(
                f"{path}, document {number} is not of the form {form}: {describe_problems(error, 'row')}."
            ) from error
        except ValueError as error:
            raise InputError(f"{path}, document {number}: {error}") from error
    if not documents:
        raise InputError(f"Expected {_EXPECTED} but {path} has no document.")
    return documents


def _rows(path: Path) -> list[Any]:
    """The documents of a JSON list, or of an object a line, not checked yet."""
    text = read_utf8(path, _EXPECTED)
    if not text.lstrip().startswith("["):
        return [row for _, row in read_objects(path, _EXPECTED)]
    try:
        rows: list[Any] = json.loads(text)
    except ValueError as error:
        raise InputError(f"{path} begins as a JSON list, but does not parse: {error}.") from error
    return rows
