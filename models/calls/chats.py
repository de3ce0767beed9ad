"""Chat models by name, for those who ask whichever a setting names: each opened once, all closed together.

with Chats(session.open_chat) as chats:
    chats("qwen-1.5b").complete(request)
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from types import TracebackType

from models.protocols import ChatModel


class Chats:
    """Opens chat models on first use and closes them at its end.

    Args:
        opener: Opens one by name; it says where calls are recorded and what they may cost.
    """

    def __init__(self, opener: Callable[[str], AbstractContextManager[ChatModel]]) -> None:
        self._opener = opener
        self._open: dict[str, ChatModel] = {}
        self._stack = ExitStack()

    def __call__(self, name: str) -> ChatModel:
        """The model of that name.

        Raises:
            ConfigError: There is none.
            ModelError: It cannot be had or started.
        """
        if name not in self._open:
            self._open[name] = self._stack.enter_context(self._opener(name))
        return self._open[name]

    def __enter__(self) -> Chats:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.clear()
        self._stack.close()
