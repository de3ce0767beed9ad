"""Formats numbers for people: per cent, points, p-values, seconds, money. In one file, so that text, tables and plots
of a report round alike."""

from __future__ import annotations

import math

from eval.types import ArmResult, Comparison

MINUS = "\u2212"
THIN = "\u202f"
WIDE = "\xa0"


def percent(share: float, digits: int = 1) -> str:
    """A share as per cent.

    Example:
        >>> percent(0.7125)
        '71.2\\u202f%'
    """
    return f"{100 * share:.{digits}f}{THIN}%"


def points(difference: float) -> str:
    """A difference of shares in percentage points, with its sign.

    Example:
        >>> points(0.3125), points(-0.05), points(0.0)
        ('+31.2', '−5.0', '0.0')
    """
    text = f"{abs(100 * difference):.1f}"
    if float(text) == 0:
        return text
    return (MINUS if difference < 0 else "+") + text


def interval(bounds: ArmResult | Comparison) -> str:
    """The 95 % interval: of a share in per cent, of a comparison in points."""
    if isinstance(bounds, Comparison):
        return f"{points(bounds.ci_low)} to {points(bounds.ci_high)}"
    return f"{100 * bounds.ci_low:.1f}–{percent(bounds.ci_high)}"


def p_value(p: float) -> str:
    """A p-value with "=" or "<", for running text.

    Example:
        >>> p_value(0.00002), p_value(0.0312), p_value(1.0)
        ('<\\xa00.001', '=\\xa00.031', '=\\xa01')
    """
    return p_cell(p) if p < 0.001 else f"={WIDE}{p_cell(p)}"


def p_cell(p: float) -> str:
    """A p-value for a table.

    Example:
        >>> p_cell(0.00002), p_cell(0.0312), p_cell(1.0)
        ('<\\xa00.001', '0.031', '1')
    """
    if p < 0.001:
        return f"<{WIDE}0.001"
    return "1" if p >= 0.9995 else f"{p:.3f}"


def seconds(value: float) -> str:
    """A time, to about three digits.

    Example:
        >>> seconds(0.0312), seconds(4.5), seconds(75.2), seconds(300), seconds(7265)
        ('0.031\\u202fs', '4.50\\u202fs', '75.2\\u202fs', '5\\u202fmin 0\\u202fs', '2\\u202fh 1\\u202fmin')
    """
    if value >= 3600:
        hours, rest = divmod(round(value / 60), 60)
        return f"{hours}{THIN}h {rest}{THIN}min"
    if value >= 120:
        minutes, rest = divmod(round(value), 60)
        return f"{minutes}{THIN}min {rest}{THIN}s"
    digits = 1 if value >= 10 else 2 if value >= 1 else 3
    return f"{value:.{digits}f}{THIN}s" if value else f"0{THIN}s"


def count(value: float) -> str:
    """A whole number with thousands separators.

    Example:
        >>> count(1234567)
        '1,234,567'
    """
    return f"{round(value):,}"


def dollars(value: float) -> str:
    """A price in US dollars, with more digits where it is small.

    Example:
        >>> dollars(0), dollars(0.00002), dollars(0.0123), dollars(1.5)
        ('$0', '$0.00002', '$0.012', '$1.50')
    """
    if value == 0:
        return "$0"
    if value >= 0.1:
        return f"${value:,.2f}"
    return f"${value:.{1 - math.floor(math.log10(value))}f}".rstrip("0")
