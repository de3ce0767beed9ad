"""Prices of answers: the price of a model as a function of tokens and seconds."""

from __future__ import annotations

from collections.abc import Callable

from kg.extraction.registry import WITHOUT_CHAT
from models.calls.budget import cost_usd
from models.config import Price, load_model
from models.protocols import Usage
from models.runtime.dotted import is_dotted

PriceOf = Callable[[int, int, float], float]
"""Cost in US dollars of (tokens read, tokens written, seconds)."""


def price_of(name: str) -> PriceOf:
    """The price of a model; zero if none is set.

    Args:
        name: Name of a model, or of an extractor that calls none.

    Example:
        >>> price_of("none")(10, 10, 1.0)
        0.0
    """
    price = Price()
    if name not in WITHOUT_CHAT and not is_dotted(name):
        price = getattr(load_model(name), "price", price)
    return lambda tokens_in, tokens_out, seconds: cost_usd(price, Usage(tokens_in, tokens_out), seconds)
