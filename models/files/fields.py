"""Names that a pydantic model has at some place, so that an error about a misspelt one can show them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, TypeAdapter

Place = Sequence[str | int]
"""Where pydantic found a problem: names of fields, indices of lists, kinds of unions."""


def known_fields(kind: Any, place: Place) -> list[str] | None:
    """Names of the fields beside a field that a model does not have; None if they cannot be told.

    Args:
        kind: The model, another type with models in it, or an adapter of one.
        place: Where the unknown field is; the last part is its name.
    """
    found = [kind._type if isinstance(kind, TypeAdapter) else kind]
    for part in place[:-1]:
        inside: list[Any] = []
        for each in found:
            inside += _step(each, part)
        found = inside
    models = [member for each in found for member in _members(each) if _is_model(member)]
    names: dict[str, None] = {}
    for model in models:
        names |= dict.fromkeys(field.alias or name for name, field in model.model_fields.items())
    return list(names) if models else None


def _step(kind: Any, part: str | int) -> Iterator[Any]:
    """Types at one part of a place."""
    for member in _members(kind):
        if not _is_model(member):
            yield from get_args(member)[-1:]  # of a list its items, of a mapping its values
            continue
        fields = {field.alias or name: field.annotation for name, field in member.model_fields.items()}
        if part in fields:
            yield fields[str(part)]
        elif part == member.__name__ or any(_is_literal(annotation, part) for annotation in fields.values()):
            yield member  # the part is the kind of a union's member


def _members(kind: Any) -> Iterator[Any]:
    """The types that a union is of; of any other type itself."""
    origin = get_origin(kind)
    if origin is Annotated:
        yield from _members(get_args(kind)[0])
    elif origin is not None and getattr(origin, "__name__", "") in ("Union", "UnionType"):
        for member in get_args(kind):
            yield from _members(member)
    else:
        yield kind


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _is_literal(kind: Any, value: object) -> bool:
    return get_origin(kind) is Literal and value in get_args(kind)
