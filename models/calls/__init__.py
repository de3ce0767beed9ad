"""What surrounds a model call: prompt, form of the reply, retries, records, budget, many calls at once.

Knows no backend and no graph; it calls any model that follows the protocols of `models.protocols`.

- `prompt` reads prompt files; `structured` makes the JSON schema of a reply and parses the reply.
- `retry` decides which faults are tried again, and when.
- `record_store` keeps calls in SQLite; `records` wraps a model in them (`RecordedChat`, `RecordedScorer`).
- `budget` limits calls and money; `executor` spreads items over threads; `chats` opens models once by name.
"""

from models.calls.executor import Executor, ThreadExecutor, call_all

__all__ = ["Executor", "ThreadExecutor", "call_all"]
