"""Settings from YAML: one wording of every error, which names file and setting."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field, TypeAdapter

from models.errors import ConfigError
from models.files.settings import StrictSettings, check_settings, parse_mapping, read_settings


class Boat(StrictSettings):
    name: str
    length_m: float = 9.0


class Mill(StrictSettings):
    wheels: int


class Sloop(StrictSettings):
    kind: Literal["sloop"]


class Punt(StrictSettings):
    kind: Literal["punt"]


def test_settings_left_out_take_their_defaults(tmp_path: Path) -> None:
    file = tmp_path / "boat.yaml"
    file.write_text("name: Petrel\n")
    assert read_settings(file, Boat, "settings of a boat") == Boat(name="Petrel", length_m=9.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "name: Petrel\nlenght_m: 3\n",
            r"wrong settings of a boat: Unknown setting 'lenght_m'\. Did you mean 'length_m'\? Expected one of: name",
        ),
        ("length_m: 3\n", "name: Field required"),
        ("name: Petrel\nlength_m: long\n", r"length_m: .*\(got 'long'\)"),
        ("- Petrel\n", "as a mapping of names to values, got a list"),
        ("name: [\n", "as YAML, but it does not parse"),
    ],
)
def test_an_error_names_the_file_and_the_setting(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "boat.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=rf"boat\.yaml.*{message}(?s:.*)\.$"):
        read_settings(file, Boat, "settings of a boat")


def test_a_message_has_no_drawing_of_the_yaml_and_no_mapping_around_a_missing_setting() -> None:
    with pytest.raises(ConfigError, match=r"^x\.yaml: [^\n]* does not parse: line 2, column 2: expected [^\n]*'\.$"):
        parse_mapping("a: [1, 2\nb: }", "x.yaml", "settings")
    with pytest.raises(ConfigError, match=r"wrong settings: name: Field required\.$"):
        check_settings({"length_m": 3}, Boat, "x.yaml", "settings")


def test_an_unknown_kind_among_several_is_named_beside_the_known_ones() -> None:
    adapter: TypeAdapter[Sloop | Punt] = TypeAdapter(Annotated[Sloop | Punt, Field(discriminator="kind")])
    with pytest.raises(ConfigError, match=r"wrong settings: kind: Expected one of 'sloop', 'punt' \(got 'raft'\)\.$"):
        check_settings({"kind": "raft"}, adapter, "x.yaml", "settings")


def test_a_file_of_another_encoding_is_an_error_that_says_so(tmp_path: Path) -> None:
    file = tmp_path / "boat.yaml"
    file.write_bytes(b"name: caf\xe9\n")
    with pytest.raises(ConfigError, match=r"boat\.yaml, but it is not UTF-8 \(byte 9\)\. Save it as UTF-8\.$"):
        read_settings(file, Boat, "settings of a boat")


def test_a_missing_file_is_an_error_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"a YAML file of settings of a boat at .*none\.yaml.*No such file"):
        read_settings(tmp_path / "none.yaml", Boat, "settings of a boat")


def test_a_union_of_settings_is_checked_through_an_adapter() -> None:
    adapter: TypeAdapter[Boat | Mill] = TypeAdapter(Boat | Mill)
    assert check_settings({"wheels": 2}, adapter, "x.yaml", "settings") == Mill(wheels=2)
    with pytest.raises(ConfigError, match=r"x\.yaml: wrong settings"):
        check_settings({"wheels": "many"}, adapter, "x.yaml", "settings")


def test_an_empty_text_is_an_empty_mapping() -> None:
    assert parse_mapping("", "x.yaml", "settings") == {}
