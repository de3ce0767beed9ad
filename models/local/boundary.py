"""Where the prefix ends and an option begins, in tokens.

A tokeniser may merge characters across that boundary ("Answer: " and "Paris" give a token " Paris"), so prefix and
option are tokenised together, and the cut is made after the longest run of tokens that the prefix alone and all
joint texts begin with. All options are then continuations of the very same tokens, so their scores are comparable.
Knows token ids only, and no model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from models.errors import ConfigError


@dataclass(frozen=True, slots=True)
class ItemTokens:
    """Prefix and options of one item, in tokens.

    Attributes:
        prefix: Token ids before all options, at least one.
        options: Token ids of each option, at least one each.
    """

    prefix: tuple[int, ...]
    options: tuple[tuple[int, ...], ...]

    @property
    def total(self) -> int:
        """Number of tokens to read: the prefix once, and every option."""
        return len(self.prefix) + sum(map(len, self.options))

    @property
    def longest(self) -> int:
        """Number of tokens of the prefix with the longest option."""
        return len(self.prefix) + max(map(len, self.options))


def split_tokens(
    encode: Callable[[str], Sequence[int]], prefix: str, options: Sequence[str], start: int | None = None
) -> ItemTokens:
    """Cut prefix and options into tokens.

    Args:
        encode: Tokeniser, text to ids.
        prefix: Text before the options; may be empty where `start` is given.
        options: Continuations, at least one, none of them empty; they carry their own leading space.
        start: Token that precedes the options where the prefix gives none.
    Raises:
        ConfigError: No options, an empty one, or nothing to condition on.
    Example:
        >>> split_tokens(lambda text: [ord(c) for c in text], "a", ["b", "cd"]).options
        ((98,), (99, 100))
    """
    if not options:
        raise ConfigError("Expected at least one option to score, got none. Give some.")
    for number, option in enumerate(options):
        if not option:
            raise ConfigError(
                f"Option {number} of {len(options)} is empty, and an empty text has no probability. Remove it."
            )
    joint = [tuple(encode(prefix + option)) for option in options]
    # Where options merge with the end of the prefix, the cut moves left, for all of them alike.
    # An option keeps at least one token, even where the tokeniser drops white space.
    cut = min(common_length([tuple(encode(prefix)), *joint]), min(map(len, joint)) - 1)
    if cut > 0:
        return ItemTokens(joint[0][:cut], tuple(ids[cut:] for ids in joint))
    if start is None:
        raise ConfigError(
            "The prefix is empty and the tokeniser has no start token, so nothing precedes the options. Give a prefix."
        )
    if not all(joint):
        raise ConfigError("An option gives no token at all, so it has no probability. Remove it.")
    return ItemTokens((start,), tuple(joint))


def common_length(sequences: Sequence[Sequence[int]]) -> int:
    """Length of the longest run that all sequences begin with.

    Example:
        >>> common_length([[1, 2, 3], [1, 2, 4], [1, 2]])
        2
    """
    shortest = min(map(len, sequences))
    for position in range(shortest):
        if len({ids[position] for ids in sequences}) > 1:
            return position
    return shortest
