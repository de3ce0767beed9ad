"""A chat model that says whether two names mean one thing, asked only where rules and embeddings leave it open.

The question is the two names with a few of their facts, the answer yes or no under a schema
(`configs/prompts/judge.md`). A useless answer counts as no, and is reported. Whoever opens the chat model records its
calls, so that an answer is paid for once.
"""

from __future__ import annotations

from typing import Any

from kg.resolution.contexts import Context
from models.calls.prompt import load_prompt
from models.errors import OutputError
from models.files.digest import digest
from models.protocols import ChatModel, ChatRequest, Usage

_MOST_FACTS = 6
_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"same": {"type": "boolean"}},
    "required": ["same"],
    "additionalProperties": False,
}


class Judge:
    """Decides pairs of names, each pair once.

    Attributes:
        usage: Tokens of all answers, as first made.
        spent: Tokens of those that were made now and not taken from records.
        failures: Pairs without a usable answer, with the reason.
    """

    def __init__(self, chat: ChatModel) -> None:
        self._chat = chat
        self._prompt = load_prompt("judge")
        self._answers: dict[tuple[str, str], bool] = {}
        self.usage = Usage()
        self.spent = Usage()
        self.failures: dict[str, OutputError] = {}

    @property
    def name(self) -> str:
        """The chat model's."""
        return self._chat.name

    @property
    def digest(self) -> str:
        """Names the model and the prompt."""
        return digest(self._chat.digest, self._prompt.template)

    @property
    def asked(self) -> int:
        """Pairs decided."""
        return len(self._answers)

    def same(self, one: str, its: Context, other: str, others: Context) -> bool:
        """Whether two names mean one thing.

        Raises:
            ModelError: The model cannot be reached or refuses.
            BudgetReached: The budget allows no further call.
        """
        first, second = sorted((_told(one, its), _told(other, others)))
        if (first, second) not in self._answers:
            self._answers[first, second] = self._ask(first, second)
        return self._answers[first, second]

    def _ask(self, first: str, second: str) -> bool:
        request = ChatRequest(
            messages=self._prompt.fill({"first": first, "second": second}),
            schema=_SCHEMA,
            max_tokens=16,
            template=self._prompt.template,
        )
        try:
            completion = self._chat.complete(request)
        except OutputError as error:
            self.usage += Usage(error.tokens_in, error.tokens_out)
            self.failures[f"{first} / {second}"] = error
            return False
        self.usage += completion.usage
        if not completion.recorded:
            self.spent += completion.usage
        return bool(completion.parsed["same"])


def _told(name: str, context: Context) -> str:
    phrases = sorted(context.phrases, key=lambda phrase: (len(phrase), phrase))
    return f"{name}: {'; '.join(phrases[:_MOST_FACTS]) or 'no facts'}"
