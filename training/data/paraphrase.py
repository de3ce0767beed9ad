"""Rewritings of training texts by a chat model, each in another style.

A model that reads a fact in one wording often can repeat that wording and nothing more; many wordings make
the fact usable, questions with their answers most of all, so they come first. The styles are sections of
`configs/prompts/paraphrase.md`. Decoding is greedy, since the style makes the difference: the same request gives the
same text, and a recorded call is never paid for again. The passage comes before the style, so that a server reads it
once for all styles.

A rewriting counts as failed, with its reason, when it is empty, a copy, or has lost every name and number of its
text. What it may have invented is not checked here.

Source: Ovadia et al., Fine-Tuning or Retrieval? Comparing Knowledge Injection in LLMs, EMNLP 2024, section 5;
    Allen-Zhu and Li, Physics of Language Models: Part 3.1, ICML 2024; Jiang et al., Instruction-tuned Language
    Models are Better Knowledge Learners, ACL 2024 (why questions come first); Berglund et al., The Reversal Curse, ICLR
    2024 (why one style turns sentences to the passive).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from models.calls.budget import wasted_usage
from models.calls.executor import Executor, call_all
from models.calls.prompt import Prompt, parse_prompt
from models.errors import ConfigError, ModelError, OutputError
from models.protocols import ChatModel, ChatRequest, Completion, Usage
from models.runtime.progress import SILENT, Progress
from training.data.texts import TrainingText

_SENTENCE_END = re.compile(r"[.!?。！？…][\"'”’»)\]]*(?=\s|$)|[。！？]")
_PIECE = re.compile(r"[^\n]+?(?:[.!?。！？](?=\s|$)[ \t]*\n*|\n+|$)|\n+")
"""A sentence or a line, with the white space behind it."""
_STYLE = re.compile(r"^## ([a-z-]+)\n", re.MULTILINE)
_BYTES_PER_TOKEN = 4
"""About so many in any script: letters of others than Latin take two or three bytes, and tokens of fewer letters."""
_WORD = re.compile(r"\w+(?:[’'-]\w+)*")


@dataclass(frozen=True, slots=True)
class ParaphraseStyles:
    """The prompt and the styles it asks for.

    Attributes:
        prompt: It has the fields `text` and `style`.
        styles: Name and instruction of each, in the order in which they are used.
    """

    prompt: Prompt
    styles: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ParaphraseFailure:
    """A rewriting that cannot be used.

    Attributes:
        text_id: Id of the text.
        style: Name of the style.
        reason: What is wrong with it.
    """

    text_id: str
    style: str
    reason: str


@dataclass(frozen=True, slots=True)
class ParaphraseResult:
    """Rewritings, and what became of those that are missing.

    Attributes:
        texts: Training texts of kind "paraphrase", by text and then by style.
        failed: Rewritings that cannot be used, with reasons.
        shortened: Number of the texts that were cut off and kept up to their last full sentence.
        names_kept: Share of the names and numbers of a text that its rewritings keep, mean over `texts`, in [0, 1].
        usage: Tokens read and written, those of recorded calls and unusable replies included.
        seconds: Time of the calls when they were first made, summed.
    """

    texts: tuple[TrainingText, ...]
    failed: tuple[ParaphraseFailure, ...]
    shortened: int
    names_kept: float
    usage: Usage
    seconds: float

    @property
    def wanted(self) -> int:
        """Number of rewritings that were wanted: those in `texts` and those in `failed`."""
        return len(self.texts) + len(self.failed)


@dataclass(frozen=True, slots=True)
class _RewriteJob:
    """One text in one style, by their numbers."""

    number: int
    style: int
    text: TrainingText


def load_styles() -> ParaphraseStyles:
    """Read `configs/prompts/paraphrase.md`.

    Raises:
        ConfigError: It has no front matter, no section or no styles.
    """
    return parse_styles((files("configs") / "prompts" / "paraphrase.md").read_text(encoding="utf-8"))


def parse_styles(text: str) -> ParaphraseStyles:
    """Read the text of a prompt file that ends with a section of styles.

    Raises:
        ConfigError: It has no front matter, no section or no styles.
    """
    # What comes before the heading is the prompt, so that the styles may be edited without code.
    body, _, tail = text.partition("\n# styles\n")
    _, *parts = _STYLE.split(tail)
    if not parts:
        raise ConfigError("The paraphrase prompt has no styles: expected '# styles', and below it '## NAME' for each.")
    styles = tuple(zip(parts[::2], (part.strip() for part in parts[1::2]), strict=True))
    return ParaphraseStyles(parse_prompt("paraphrase", body), styles)


def paraphrase(
    texts: Sequence[TrainingText],
    chat: ChatModel,
    count: int,
    executor: Executor,
    progress: Progress = SILENT,
    styles: ParaphraseStyles | None = None,
    share: float = 2.0,
) -> ParaphraseResult:
    """Have each text rewritten `count` times, each time in another style.

    Args:
        texts: Texts to rewrite.
        chat: The model; wrapped in its records, calls already made cost nothing.
        count: Number of rewritings of each text, at most that of the styles.
        executor: Spreads the calls.
        progress: Progress callback, of finished calls.
        styles: Prompt and styles; None reads the file.
        share: Maximum number of tokens of a rewriting beyond its first 64, as a share of its text's.
    Returns:
        Rewritings in a fixed order, whatever the order of the replies, and the failures.
    Raises:
        ConfigError: More rewritings are wanted than there are styles.
        ModelError: The model cannot be reached, or refuses every call.
        BudgetError: The budget is used up; a second run continues.
    """
    styles = styles or load_styles()
    if not 0 <= count <= len(styles.styles):
        raise ConfigError(
            f"Expected paraphrases between 0 and {len(styles.styles)}, the number of styles, got {count}."
        )
    jobs = [_RewriteJob(number, style, text) for number, text in enumerate(texts) for style in range(count)]
    outcomes: dict[tuple[int, int], Completion | Exception] = {}
    with progress.step("paraphrase passages", total=len(jobs), unit="texts") as bar:
        for job, outcome in call_all(executor, lambda job: chat.complete(_request(job, styles, share)), jobs):
            if isinstance(outcome, Exception) and not isinstance(outcome, ModelError):
                raise outcome
            outcomes[job.number, job.style] = outcome
            bar.advance()
    return _gather(jobs, outcomes, styles)


def names(text: str) -> frozenset[str]:
    """Words of a text that look like names or numbers: with a digit, or with a capital within a sentence.

    Example:
        >>> sorted(names("In 2026 the mayor, Ada Lorne, left. Then it rained."))
        ['2026', 'Ada', 'Lorne']
    """
    names_found = set()
    for sentence in _PIECE.findall(text):
        for position, word in enumerate(_WORD.findall(sentence)):
            has_digit = any(character.isdigit() for character in word)
            # A sentence's first word has a capital whatever it is; "I" is no name.
            if has_digit or (position and word[0].isupper() and len(word) > 1):
                names_found.add(re.sub(r"[’']s$", "", word))
    return frozenset(names_found)


def clean(reply: str, cut_off: bool) -> str:
    """A reply without white space at its ends; one that was cut off ends with its last full sentence.

    A model that falls into a loop writes until it is cut off, so such a reply ends before the first sentence or line of
    four words or more that comes a second time, if there is one.

    Example:
        >>> clean("It rains in Torsby. It rains in Torsby. It rai", cut_off=True)
        'It rains in Torsby.'
    """
    text = reply.strip()
    if not cut_off:
        return text
    seen = set()
    for match in _PIECE.finditer(text):
        piece = match[0].strip()
        if piece in seen and len(piece.split()) >= 4:
            return text[: match.start()].rstrip()
        seen.add(piece)
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    return text[: ends[-1]] if ends else ""


def _request(job: _RewriteJob, styles: ParaphraseStyles, share: float) -> ChatRequest:
    name, instruction = styles.styles[job.style]
    return ChatRequest(
        messages=styles.prompt.fill({"text": job.text.text, "style": instruction}),
        # 64 more, so that a short text has room for its questions and answers.
        max_tokens=64 + round(share * len(job.text.text.encode()) / _BYTES_PER_TOKEN),
        template=f"{styles.prompt.template}#{name}",
    )


def _gather(
    jobs: Sequence[_RewriteJob], outcomes: dict[tuple[int, int], Completion | Exception], styles: ParaphraseStyles
) -> ParaphraseResult:
    texts: list[TrainingText] = []
    failed: list[ParaphraseFailure] = []
    seen: dict[int, set[str]] = {}
    shortened, kept_shares, usage, seconds = 0, 0.0, Usage(), 0.0
    for job in jobs:
        outcome, style = outcomes[job.number, job.style], styles.styles[job.style][0]
        if isinstance(outcome, Exception):
            if isinstance(outcome, OutputError):
                usage += wasted_usage(outcome)
            failed.append(ParaphraseFailure(job.text.id, style, str(outcome)))
            continue
        usage += outcome.usage
        seconds += outcome.seconds
        text = clean(outcome.text, outcome.finish_reason == "length")
        # The text itself and its usable rewritings so far: a copy of one of them teaches nothing new.
        others = seen.setdefault(job.number, {" ".join(job.text.text.split())})
        share = _share_of_names(job.text.text, text)
        if reason := _fault(text, share, others):
            failed.append(ParaphraseFailure(job.text.id, style, reason))
            continue
        others.add(" ".join(text.split()))
        texts.append(TrainingText.of(text, job.text.source, "paraphrase"))
        shortened += outcome.finish_reason == "length"
        kept_shares += share
    names_kept = kept_shares / len(texts) if texts else 0.0
    return ParaphraseResult(tuple(texts), tuple(failed), shortened, names_kept, usage, seconds)


def _share_of_names(source: str, text: str) -> float:
    """Share of a text's names and numbers that its rewriting keeps, in [0, 1]; 1 where it has none."""
    expected = names(source)
    words = set(_WORD.findall(re.sub(r"[’']s\b", "", text)))
    return len(expected & words) / len(expected) if expected else 1.0


def _fault(text: str, share: float, others: set[str]) -> str:
    """Why a rewriting cannot be used, or ""."""
    if not text:
        return "the reply is empty, or was cut off before its first sentence ended"
    if " ".join(text.split()) in others:
        return "the reply is a copy of the text or of another rewriting"
    return "" if share > 0 else "the reply keeps none of the text's names and numbers"
