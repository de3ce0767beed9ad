"""A chat model that says whether two names mean one thing, where rules and embeddings leave it open.

The prompt shows the two names with a few of their facts; the reply is yes or no under a schema
(`configs/prompts/judge.md`). A reply that cannot be used counts as no, and is reported. Whoever opens the chat model
records its calls, so that a reply is paid for once.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from kg.resolution.contexts import NameContext
from models.calls.budget import wasted_usage
from models.calls.prompt import load_prompt
from models.calls.structured import schema_of_reply
from models.errors import OutputError
from models.files.digest import digest
from models.protocols import ChatModel, ChatRequest, Usage

_MAX_FACTS = 6
_MAX_TOKENS = 16
"""Of a reply: {"same": true} takes eight at most."""


class JudgeReply(BaseModel):
    """The model's reply about a pair of names."""

    model_config = ConfigDict(extra="forbid")

    same: bool


_SCHEMA = schema_of_reply(JudgeReply)


class Judge:
    """Decides pairs of names, each pair once.

    Attributes:
        usage: Tokens of all replies, as first made.
        spent: Tokens of the replies that were made now, and not taken from records.
        failures: Pairs without a usable reply, with the reason.
    """

    def __init__(self, chat: ChatModel) -> None:
        self._chat = chat
        self._prompt = load_prompt("judge")
        self._decisions: dict[tuple[str, str], bool] = {}
        self.usage = Usage()
        self.spent = Usage()
        self.failures: dict[str, OutputError] = {}

    @property
    def name(self) -> str:
        """Name of the chat model."""
        return self._chat.name

    @property
    def digest(self) -> str:
        """Digest of the model and the prompt."""
        return digest(self._chat.digest, self._prompt.template)

    @property
    def decided(self) -> int:
        """Number of pairs decided."""
        return len(self._decisions)

    def same(self, one: str, context: NameContext, other: str, other_context: NameContext) -> bool:
        """Whether two names mean one thing.

        Args:
            one: A name.
            context: What the facts say of it.
            other: Another name, or the same one in other documents.
            other_context: What the facts say of the other.
        Raises:
            ModelError: The model cannot be reached or refuses.
            BudgetError: The budget allows no further call.
        """
        # Sorted, so that the order of the names changes neither the prompt nor its record.
        first, second = sorted((_described(one, context), _described(other, other_context)))
        if (first, second) not in self._decisions:
            self._decisions[first, second] = self._call(first, second)
        return self._decisions[first, second]

    def _call(self, first: str, second: str) -> bool:
        request = ChatRequest(
            messages=self._prompt.fill({"first": first, "second": second}),
            schema=_SCHEMA,
            max_tokens=_MAX_TOKENS,
            template=self._prompt.template,
        )
        try:
            completion = self._chat.complete(request)
        except OutputError as error:
            self.usage += wasted_usage(error)
            self.failures[f"{first} / {second}"] = error
            return False
        self.usage += completion.usage
        if not completion.recorded:
            self.spent += completion.usage
        return JudgeReply.model_validate(completion.parsed).same


def _described(name: str, context: NameContext) -> str:
    """A name with its shortest facts, which say most per token."""
    phrases = sorted(context.phrases, key=lambda phrase: (len(phrase), phrase))
    return f"{name}: {'; '.join(phrases[:_MAX_FACTS]) or 'no facts'}"
