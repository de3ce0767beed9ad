"""What an answer costs: a model's price as a function of tokens and seconds."""

from __future__ import annotations

from collections.abc import Callable

from kg.extraction.registry import WITHOUT_CHAT
from models.calls.budget import cost_usd
from models.config import Price, load_model
from models.protocols import Usage
from models.runtime.dotted import is_dotted

PriceOf = Callable[[int, int, float], float]


def price_of(name: str) -> PriceOf:
    """Price of a model in US dollars for (tokens read, tokens written, seconds); zero where none is set.

    Args:
        name: Of a model, or of an extractor that asks none.

    Example:
        >>> price_of("none")(10, 10, 1.0)
        0.0
    """
    price = Price()
    if name not in WITHOUT_CHAT and not is_dotted(name):
        price = getattr(load_model(name), "price", price)
    return lambda tokens_in, tokens_out, seconds: cost_usd(price, Usage(tokens_in, tokens_out), seconds)
