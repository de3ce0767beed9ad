"""What the command line does, as typed functions for notebooks and scripts.

```python
from app.api import ask, index

summary = index("articles/", "kb", extractor="qwen-1.5b")
answer = ask("Who leads Orrin Dynamics?", "kb")
print(answer.text, [citation.source for citation in answer.citations])
```

Each function opens what it needs and closes it again; nothing is kept between calls. A `Spending` limits model calls
and their cost, and shows progress. Functions named `plan_...` estimate or list and change nothing.
"""

from __future__ import annotations

from app.asking import AskSettings, ask, ask_at_length, search
from app.building import (
    delete,
    index,
    index_config,
    index_with,
    learn_schema,
    plan_delete,
    plan_index,
    plan_update,
    update,
)
from app.evaluating import evaluate
from app.opening import Spending
from app.training import probe, train, train_extractor, train_hops

__all__ = [
    "AskSettings",
    "Spending",
    "ask",
    "ask_at_length",
    "delete",
    "evaluate",
    "index",
    "index_config",
    "index_with",
    "learn_schema",
    "plan_delete",
    "plan_index",
    "plan_update",
    "probe",
    "search",
    "train",
    "train_extractor",
    "train_hops",
    "update",
]
