"""The names that would have done at the place of a misspelt field."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from models.errors import describe_problems
from models.files.fields import known_fields


class Oar(BaseModel):
    model_config = ConfigDict(extra="forbid")
    length: int = 1
    wood: str = "ash"


class Sail(BaseModel):
    model_config = ConfigDict(extra="forbid")
    kind: Literal["sail"]
    area: int = 1


class Motor(BaseModel):
    model_config = ConfigDict(extra="forbid")
    kind: Literal["motor"]
    power: int = 1


class Empty(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Boat(BaseModel):
    model_config = ConfigDict(extra="forbid")
    identity: str = Field("", alias="_id")
    spare: Oar | None = None
    oars: list[Oar] = []
    named: dict[str, Oar] = {}
    drive: Annotated[Sail | Motor, Field(discriminator="kind")] | None = None
    empty: Empty = Empty()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"spear": {}}, "Unknown setting 'spear'. Did you mean 'spare'? Expected one of: _id, spare, oars, named"),
        ({"spare": {"lenght": 3}}, "spare: Unknown setting 'lenght'. Did you mean 'length'? Expected one of: length"),
        ({"oars": [{}, {"woud": "x"}]}, "oars.1: Unknown setting 'woud'. Did you mean 'wood'?"),
        ({"named": {"left": {"w": "x"}}}, "named.left: Unknown setting 'w'. Expected one of: length, wood"),
        ({"drive": {"kind": "motor", "pover": 2}}, "Unknown setting 'pover'. Did you mean 'power'?"),
        ({"drive": {"kind": "sail", "power": 2}}, "Unknown setting 'power'. Expected one of: kind, area"),
        ({"empty": {"x": 2}}, "empty: Unknown setting 'x'. There is none to choose from"),
    ],
)
def test_a_misspelt_name_is_shown_beside_the_known_ones(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Boat.model_validate(values)
    assert message in describe_problems(caught.value, "settings", lambda place: known_fields(Boat, place))


def test_an_adapter_is_looked_into() -> None:
    assert known_fields(TypeAdapter(Sail | Motor), ("Motor", "x")) == ["kind", "power"]
    assert known_fields(int, ("x",)) is None
