"""Documents with gold triples, read from the forms in which sets for relation extraction are published.

`jsonl` is ours, one document a line; `entities` gives the other names of things, where a triple may use any:

    {"title": "Orrin", "text": "Ada Lorne leads Orrin Dynamics. ...",
     "triples": [["Ada Lorne", "leads", "Orrin Dynamics"]], "entities": [["Ada Lorne", "Lorne"]]}

`docred` and `redocred` are the official JSON (`vertexSet`, `labels`, `sents`), whose property ids are read as the
words of `docred_relations.yaml`; `webnlg` has `tokens` and `spo_list`, as a JSON list or an object a line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, Field, ValidationError

from eval.extraction.detokenise import detokenise
from kg.language.text import normalise, normalise_name
from kg.resolution.names import squash
from models.errors import ConfigError, InputError, describe

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
Text = Annotated[str, Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Relation:
    """A gold relation in words.

    Attributes:
        name: Read from subject to object.
        inverse: Read from object to subject; "" where the set names the role of an end ("manager") and not a direction.
    """

    name: str
    inverse: str = ""


@dataclass(frozen=True, slots=True)
class GoldDocument:
    """A text with what it says.

    Attributes:
        title: Title, or "".
        text: Running text.
        entities: The names of each annotated thing; any of them stands for it.
        triples: Subject, relation, object; ends as positions in `entities`.
    """

    title: str
    text: str
    entities: tuple[tuple[str, ...], ...]
    triples: tuple[tuple[int, Relation, int], ...]


def name_key(name: str) -> str:
    """What is left of a name when it is compared: no case, article, space or punctuation.

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
        entities = tuple(tuple(dict.fromkeys(mention.name for mention in one)) for one in self.vertexSet)
        for label in self.labels:
            if max(label.h, label.t) >= len(entities):
                raise ValueError(f"a label names entity {max(label.h, label.t)}, but there are {len(entities)}")
        triples = ((label.h, docred_relation(label.r), label.t) for label in self.labels)
        text = " ".join(detokenise(sentence) for sentence in self.sents)
        return GoldDocument(self.title, normalise(text), entities, tuple(dict.fromkeys(triples)))


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
    """Triples between names; a name in none of the entities is one of its own."""
    known = [list(names) for names in entities]
    place = {name_key(name): number for number, names in reversed(list(enumerate(known))) for name in names}

    def end(name: str) -> int:
        number = place.setdefault(name_key(name), len(known))
        if number == len(known):
            known.append([name])
        return number

    found = dict.fromkeys((end(s), Relation(words(p)), end(o)) for s, p, o in triples)
    return GoldDocument(title, normalise(text), tuple(tuple(dict.fromkeys(names)) for names in known), tuple(found))


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
    table: dict[str, tuple[str, ...]] = yaml.safe_load(
        (files("eval.extraction") / "docred_relations.yaml").read_text("utf-8")
    )
    return table


Row = _DocredRow | _WebnlgRow | _JsonlRow
FORMS: dict[str, type[Row]] = {"redocred": _DocredRow, "docred": _DocredRow, "webnlg": _WebnlgRow, "jsonl": _JsonlRow}
"""Name of a form to the model of one document."""


def read_gold(form: str, path: Path, limit: int | None = None) -> list[GoldDocument]:
    """Read the first documents of a file.

    Args:
        form: One of `FORMS`.
        path: The file; a JSON list, or an object a line.
        limit: Most documents, None for all.
    Raises:
        ConfigError: Unknown form.
        InputError: The file can't be read, holds nothing, or a document has another form or no gold.
    """
    if form not in FORMS:
        raise ConfigError(f"unknown form {form!r}: expected one of {', '.join(FORMS)}")
    make: Callable[[Any], Row] = FORMS[form].model_validate
    documents = []
    for number, row in enumerate(_rows(path)[:limit], start=1):
        if isinstance(row, dict) and "labels" in FORMS[form].model_fields and "labels" not in row:
            raise InputError(
                f"{path}, document {number} has no labels, as in an unlabelled test part: nothing to score"
            )
        try:
            documents.append(make(row).document())
        except ValidationError as error:
            raise InputError(
                f"{path}, document {number} is not of the form {form}: {describe(error, 'row')}"
            ) from error
        except ValueError as error:
            raise InputError(f"{path}, document {number}: {error}") from error
    if not documents:
        raise InputError(f"{path} holds no document: expected a JSON list, or a JSON object a line")
    return documents


def _rows(path: Path) -> list[Any]:
    """A JSON list, or an object a line."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read {path}: {error}") from error
    try:
        if text.lstrip().startswith("["):
            rows: list[Any] = json.loads(text)
            return rows
        return [json.loads(line) for line in text.split("\n") if line.strip()]
    except ValueError as error:
        raise InputError(f"{path} is neither a JSON list nor JSON lines: {error}") from error
