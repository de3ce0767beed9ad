"""Opens the models that answer: one adapter in memory at a time, and only if something is left to answer.

A run that is only printed again never opens a model. Before another adapter is loaded, the previous one is closed, so
that a laptop with memory for one model can run any number of arms.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from models.calls.prompt import CHARACTERS_PER_TOKEN
from models.errors import ConfigError
from models.protocols import ChatModel, ChoiceScorer

OpenScorer = Callable[[Path | None], ChoiceScorer]
OpenChat = Callable[[Path | None], ChatModel]


def estimated_tokens(text: str) -> int:
    """Estimated number of tokens, for readers that cannot count them; on the high side for English.

    Example:
        >>> estimated_tokens("seven letters!")
        4
    """
    return -int(-len(text) // CHARACTERS_PER_TOKEN)


@dataclass(slots=True)
class Readers:
    """The reader with one adapter, or none, at a time.

    Attributes:
        open_scorer: Opens the model that scores options, with an adapter folder or None.
        open_chat: Opens the model that writes short answers, likewise.
        expected: Digests of the readers of earlier answers of this run, by name of the adapter ("" for none, with
            the prefix "chat:" for the model that writes).
        note: Called with name and digest of every reader that is opened.
    """

    open_scorer: OpenScorer
    open_chat: OpenChat
    expected: Mapping[str, str] = field(default_factory=dict)
    note: Callable[[str, str], None] = lambda name, digest: None
    _adapter: Path | None = None
    _scorer: ChoiceScorer | None = None
    _chat: ChatModel | None = None

    def scorer(self, adapter: Path | None) -> ChoiceScorer:
        """The reader that scores options, with this adapter."""
        self._switch_to(adapter)
        if self._scorer is None:
            self._scorer = self.open_scorer(adapter)
            self._check(_name(adapter), self._scorer.digest)
        return self._scorer

    def chat(self, adapter: Path | None) -> ChatModel:
        """The reader that writes, with this adapter."""
        self._switch_to(adapter)
        if self._chat is None:
            self._chat = self.open_chat(adapter)
            self._check(f"chat:{_name(adapter)}", self._chat.digest)
        return self._chat

    def token_counter(self, choices: bool) -> Callable[[str], int]:
        """A function that counts the reader's tokens, or estimates them if a served model cannot count.

        Args:
            choices: Whether the task is multiple choice, so that the reader is a scorer.
        """
        # The base reader counts for all arms, so that their contexts have the same budget.
        reader: Any = self.scorer(None) if choices else self.chat(None)
        counter: Callable[[str], int] = getattr(reader, "count_tokens", estimated_tokens)
        return counter

    def close(self) -> None:
        """Close the models that are open."""
        for reader in (self._scorer, self._chat):
            if reader is not None:
                reader.close()
        self._scorer = self._chat = None

    def _switch_to(self, adapter: Path | None) -> None:
        if adapter != self._adapter:
            self.close()
            self._adapter = adapter

    def _check(self, name: str, digest: str) -> None:
        # Answers of different weights in one run would not be comparable, and nothing in the table would show it.
        if self.expected.get(name, digest) != digest:
            raise ConfigError(
                f"This run began with other weights of the reader (adapter: {name or 'none'}): expected digest "
                f"{self.expected[name][:12]}, got {digest[:12]}. Bring the old weights back, or give the "
                "experiment another name to begin a new run."
            )
        self.note(name, digest)

    def __enter__(self) -> Readers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _name(adapter: Path | None) -> str:
    return adapter.name if adapter else ""
