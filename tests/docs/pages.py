"""What a page of the documentation shows: files with a title, and commands that are marked to be run.

```yaml title="my-experiment.yaml"      a file
<!-- run -->                            the block below is run, in the order of the page
```sh
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
_FILE = re.compile(r'^```\w+ title="([\w.-]+\.\w+)"\n(.*?)^```', re.MULTILINE | re.DOTALL)
_RUN = re.compile(r"^<!-- run -->\n```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
_WITH_A_CHAT_MODEL = ("graft ask",)


def page(name: str) -> str:
    """The text of a page."""
    return (DOCS / name).read_text(encoding="utf-8")


def shown_files(text: str) -> dict[str, str]:
    """Files that a page shows, by name."""
    return dict(_FILE.findall(text))


def shown_commands(text: str) -> list[str]:
    """Blocks of commands that are marked to be run, without those that need a chat model's gigabyte."""
    blocks = []
    for block in _RUN.findall(text):
        kept = [line for line in block.splitlines() if not line.startswith(_WITH_A_CHAT_MODEL)]
        blocks.append("\n".join(kept))
    return blocks


def pages_with_commands() -> list[str]:
    """Names of the pages that have any."""
    names = (path.relative_to(DOCS).as_posix() for path in sorted(DOCS.rglob("*.md")))
    return [name for name in names if shown_commands(page(name))]
