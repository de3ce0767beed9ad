"""Worked examples of extraction, by domain: files of `configs/prompts/examples`, shown to a model before the text.

A file gives a title in its front matter, then a text, a blank line, and the facts of the text in the full style (see
`kg.extraction.proposals`); replies in other styles are made of the same lines. The examples come before everything that
changes from call to call, so that a server computes them once.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files

from kg.config import ExtractConfig, Style
from kg.extraction.proposals import (
    TYPES,
    ExtractionReply,
    Proposal,
    format_chained,
    format_full,
    format_line,
    proposals,
)
from models.calls.prompt import Prompt, load_prompt, split_front_matter
from models.errors import ConfigError, unknown_name
from models.protocols import Role

DOMAINS: dict[str, tuple[str, ...]] = {
    "general": ("news", "biography", "science"),
    "news": ("news",),
    "science": ("science",),
    "biography": ("biography", "news"),
    "korean": ("korean", "news"),
    "none": (),
}
"""Names of the examples for a kind of text; each costs a server its tokens once, not once a call."""
_PROMPTS: dict[Style, str] = {
    "lines": "extract",
    "compact": "extract",
    "full": "extract_full",
    "chained": "extract_chained",
}


def extraction_prompt(config: ExtractConfig) -> Prompt:
    """The extraction prompt with the examples of a domain between its instructions and the text.

    Examples have relations of their own and are left out where only some relations are allowed.

    Raises:
        ConfigError: There is no such domain.
    """
    if config.domain not in DOMAINS:
        raise ConfigError(unknown_name("domain of examples", config.domain, DOMAINS))
    prompt = load_prompt(_PROMPTS[config.style])
    (role, instructions), (_, form) = prompt.turns
    kinds = config.entity_types or TYPES
    instructions = instructions.replace("{kinds}", ", ".join(kinds))
    turns: list[tuple[Role, str]] = []
    if config.relations:
        instructions += f" The only relations are: {', '.join(config.relations)}."
    else:
        for name in DOMAINS[config.domain]:
            turns += _turns(name, config.style, form, kinds)
    return Prompt(prompt.name, prompt.version, ((role, instructions), *turns, ("user", form)))


def format_facts(facts: Sequence[Proposal], style: Style, kinds: Sequence[str] = TYPES) -> list[str]:
    """Facts as the lines of a reply in a style."""
    if style == "chained":
        return format_chained(facts)
    return [format_full(fact, kinds) if style == "full" else format_line(fact) for fact in facts]


def _turns(name: str, style: Style, form: str, kinds: Sequence[str]) -> list[tuple[Role, str]]:
    """The two turns of one example: its text, and the reply to it."""
    file = (files("configs") / "prompts" / "examples" / f"{name}.md").read_text(encoding="utf-8")
    head, body = split_front_matter(file, f"the example {name}")
    text, _, full_lines = body.partition("\n\n")
    facts = list(proposals(ExtractionReply(facts=tuple(full_lines.strip().splitlines()))))
    lines = format_facts(facts, style, kinds)
    (request,) = Prompt(name, 1, (("user", form),)).fill({"title": str(head["title"]), "passage": text})
    reply = json.dumps({"facts": lines}, ensure_ascii=False, separators=(",", ":"))
    return [("user", request.content), ("assistant", reply)]
