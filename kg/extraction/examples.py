"""Worked examples of extraction, by domain: files of `configs/prompts/examples`, shown to a model before the passage.

A file gives a title in its front matter, then a passage, a blank line, and the passage's facts in the full style (see
`kg.extraction.proposals`); answers in other styles are made of the same lines. The examples come before everything that
changes from call to call, so that a server reads them once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from importlib.resources import files

import yaml

from kg.config import ExtractConfig, Style
from kg.extraction.proposals import TYPES, Answer, Proposal, chained, full, line, proposals
from models.calls.prompt import Prompt, load_prompt
from models.errors import ConfigError
from models.protocols import Role

DOMAINS: dict[str, tuple[str, ...]] = {
    "general": ("news", "biography", "science"),
    "news": ("news",),
    "science": ("science",),
    "biography": ("biography", "news"),
    "korean": ("korean", "news"),
    "none": (),
}
"""Examples that suit a kind of text; more of them cost a server one reading each, not one a passage."""
_PROMPTS: dict[Style, str] = {
    "lines": "extract",
    "compact": "extract",
    "full": "extract_full",
    "chained": "extract_chained",
}
_FILE = re.compile(r"\A---\n(?P<head>.*?)\n---\n(?P<passage>.*?)\n\n(?P<facts>.*)\Z", re.DOTALL)


def extraction_prompt(config: ExtractConfig) -> Prompt:
    """The extraction prompt with the examples of a domain between its instructions and the passage.

    Examples have relations of their own and are left out where only some relations are allowed.

    Raises:
        ConfigError: There is no such domain.
    """
    if config.domain not in DOMAINS:
        raise ConfigError(f"there are no examples for the domain {config.domain!r}; known: {', '.join(DOMAINS)}")
    prompt = load_prompt(_PROMPTS[config.style])
    (role, instructions), (_, form) = prompt.turns
    kinds = config.entity_types or TYPES
    relations = f" The only relations are: {', '.join(config.relations)}." if config.relations else ""
    turns: list[tuple[Role, str]] = [(role, instructions.replace("{kinds}", ", ".join(kinds)) + relations)]
    for name in () if config.relations else DOMAINS[config.domain]:
        turns += _turns(name, config.style, form, kinds)
    return Prompt(prompt.name, prompt.version, (*turns, ("user", form)))


def written(facts: Sequence[Proposal], style: Style, kinds: Sequence[str] = TYPES) -> list[str]:
    """Facts as an answer in a style has them."""
    if style == "chained":
        return chained(facts)
    return [full(fact, kinds) if style == "full" else line(fact) for fact in facts]


def _turns(name: str, style: Style, form: str, kinds: Sequence[str]) -> list[tuple[Role, str]]:
    """Question and answer of one example."""
    text = (files("configs") / "prompts" / "examples" / f"{name}.md").read_text(encoding="utf-8")
    parts = _FILE.match(text)
    assert parts is not None, f"the example {name} is shipped in this form"
    head = yaml.safe_load(parts["head"])
    facts = list(proposals(Answer(facts=tuple(parts["facts"].strip().splitlines()))))
    lines = written(facts, style, kinds)
    values = {"title": str(head["title"]), "passage": parts["passage"]}
    (question,) = Prompt(name, 1, (("user", form),)).fill(values)
    answer = json.dumps({"facts": lines}, ensure_ascii=False, separators=(",", ":"))
    return [("user", question.content), ("assistant", answer)]
