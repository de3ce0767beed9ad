"""Where prefix and options part, with a tokeniser that merges characters."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ConfigError
from models.local.boundary import common_length, split_tokens

PIECES = ("ab", " a", "  ", "a", "b", " ")


def encode(text: str) -> list[int]:
    """Greedy longest match over PIECES: "ab" and " a" are single tokens."""
    ids = []
    while text:
        number = next(number for number, piece in enumerate(PIECES) if text.startswith(piece))
        ids.append(number)
        text = text[len(PIECES[number]) :]
    return ids


def decode(ids: Sequence[int]) -> str:
    return "".join(PIECES[number] for number in ids)


def test_a_clean_boundary_is_the_end_of_the_prefix() -> None:
    split = split_tokens(encode, "bb", ["a", "ba"])
    assert (split.prefix, split.options) == ((4, 4), ((3,), (4, 3)))
    assert (split.total, split.longest) == (5, 4)


def test_a_merge_in_one_option_moves_the_cut_for_all() -> None:
    # "b" + "a" merges nothing, but "...a" + "b" becomes the token "ab".
    split = split_tokens(encode, "ba", ["b", "a"])
    assert split.prefix == (4,)
    assert split.options == ((0,), (3, 3))


def test_options_that_begin_alike_keep_their_common_tokens() -> None:
    split = split_tokens(encode, "b", ["bba", "bbb"])
    assert split.prefix == (4,)
    assert [decode(ids) for ids in split.options] == ["bba", "bbb"]


def test_a_single_option_is_not_swallowed() -> None:
    assert split_tokens(encode, "b", ["a"]).options == ((3,),)


def test_an_empty_prefix_takes_the_start_token() -> None:
    assert split_tokens(encode, "", ["a", "b"], start=99).prefix == (99,)
    with pytest.raises(ConfigError, match="start token"):
        split_tokens(encode, "", ["a"])


@pytest.mark.parametrize("options", [[], [""], ["a", ""]])
def test_nothing_to_score_is_refused(options: list[str]) -> None:
    with pytest.raises(ConfigError):
        split_tokens(encode, "b", options)


@given(st.text("ab ", max_size=6), st.lists(st.text("ab ", min_size=1, max_size=5), min_size=1, max_size=4))
def test_prefix_and_option_together_are_the_joint_text(prefix: str, options: list[str]) -> None:
    split = split_tokens(encode, prefix, options, start=99)
    started = split.prefix == (99,)
    for ids, option in zip(split.options, options, strict=True):
        assert ids
        assert decode((() if started else split.prefix) + ids) == prefix + option
    assert started or prefix.startswith(decode(split.prefix))


def test_common_length() -> None:
    assert common_length([[], [1]]) == 0
    assert common_length([[1, 2], [1, 2]]) == 2
