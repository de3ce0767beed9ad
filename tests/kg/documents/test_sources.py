"""Names of sources, given and typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from kg.documents.sources import files_of, matching_sources, owning_file
from models.errors import ConfigError, InputError
from tests.kg.scripted import write_sources

TEXTS = {"top.md": "Top.", "2031/may.md": "May.", "2031/june.md": "June."}


@pytest.fixture
def articles(tmp_path: Path) -> Path:
    (tmp_path / "articles" / "2031").mkdir(parents=True)
    return write_sources(tmp_path / "articles", TEXTS)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (".", {*TEXTS}),
        ("2031", {"2031/may.md", "2031/june.md"}),
        ("2031/may.md", {"2031/may.md"}),
        ("top.md", {"top.md"}),
        ("2031/../2031/may.md", {"2031/may.md"}),
    ],
)
def test_the_indexed_folder_is_found_again(articles: Path, given: str, expected: set[str]) -> None:
    assert files_of([articles / given], None, TEXTS).keys() == expected


def test_a_new_file_of_a_known_folder_is_named_as_the_others(articles: Path) -> None:
    (articles / "2031" / "july.md").write_text("July.")
    assert files_of([articles / "2031" / "july.md"], None, TEXTS).keys() == {"2031/july.md"}


def test_what_comes_from_elsewhere_is_named_below_what_is_given(articles: Path, tmp_path: Path) -> None:
    other = write_sources(tmp_path / "other", {"x.md": "X."})
    assert files_of([other], None, TEXTS).keys() == files_of([other / "x.md"], None, TEXTS).keys() == {"x.md"}
    assert files_of([other], tmp_path, TEXTS).keys() == {"other/x.md"}


def test_two_files_of_one_name_and_a_file_outside_the_root_are_refused(articles: Path, tmp_path: Path) -> None:
    one, two = (write_sources(tmp_path / name, {"x.md": name}) for name in ("one", "two"))
    with pytest.raises(ConfigError, match=r"both be the source x\.md"):
        files_of([one, two], None, ())
    assert files_of([one, two], tmp_path, ()).keys() == {"one/x.md", "two/x.md"}
    with pytest.raises(ConfigError, match="does not lie below"):
        files_of([one], two, ())
    with pytest.raises(InputError, match="does not exist"):
        files_of([articles / "gone.md"], None, TEXTS)


def test_a_row_belongs_to_its_table() -> None:
    files = {"t.csv", "t.csv#odd.md", "a~b.md"}
    owners = {"t.csv": "t.csv", "t.csv#7": "t.csv", "t.csv#7~2": "t.csv", "t.csv#odd.md": "t.csv#odd.md"}
    assert {source: owning_file(source, files) for source in owners} == owners
    assert owning_file("a~b.md", files) == "a~b.md"
    assert owning_file("unknown.csv#7", files) == "unknown.csv#7"


def test_names_go_before_patterns_and_one_unknown_name_stops_all() -> None:
    known = ["a[1].md", "a1.md", "2031/may.md", "2031/june.md"]
    assert matching_sources(["a[1].md"], known) == ["a[1].md"]
    assert matching_sources(["a[0-9].md", "2031/*"], known) == ["2031/june.md", "2031/may.md", "a1.md"]
    with pytest.raises(InputError, match=r"Unknown source 'may\.md'\. Did you mean 2031/may\.md"):
        matching_sources(["a1.md", "may.md"], known)
    with pytest.raises(InputError, match="holds no document"):
        matching_sources(["x"], [])
