"""Chat models by name, for callers whose settings name several: each is opened once, and all are closed together.

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
        opener: Opens a chat model by name; it decides where calls are recorded and what they may cost.
    """

    def __init__(self, opener: Callable[[str], AbstractContextManager[ChatModel]]) -> None:
        self._opener = opener
        self._open: dict[str, ChatModel] = {}
        self._stack = ExitStack()

    def __call__(self, name: str) -> ChatModel:
        """The model of that name.

        Raises:
            ConfigError: There is no such model.
            ModelError: The model cannot be fetched or started.
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
