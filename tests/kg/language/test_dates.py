"""Dates as people write them."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from kg.language.dates import normalise_date


@pytest.mark.parametrize(
    ("written", "iso"),
    [
        ("2031-03-04", "2031-03-04"),
        ("2026/05/08", "2026-05-08"),
        ("2026.5.8", "2026-05-08"),
        ("20310304", "2031-03-04"),
        ("2031-03-04T23:10:00Z", "2031-03-04"),
        ("4 March 2031", "2031-03-04"),
        ("4th of March, 2031", "2031-03-04"),
        ("March 4, 2031", "2031-03-04"),
        ("SEPT. 9 2031", "2031-09-09"),
        ("Tue, 04 Mar 2031 10:00:00 GMT", "2031-03-04"),
        ("Tuesday, March 4, 2031", "2031-03-04"),
        ("March 2031", "2031-03"),
        ("2031-03", "2031-03"),
        ("2031", "2031"),
        (2031, "2031"),
        ("2031年3月4日", "2031-03-04"),
        ("2031년 3월 4일", "2031-03-04"),
        ("25/12/2031", "2031-12-25"),
        ("12/25/2031", "2031-12-25"),
        ("05/05/2031", "2031-05-05"),
        (date(2031, 3, 4), "2031-03-04"),
        (datetime(2031, 3, 4, 9, 30, tzinfo=UTC), "2031-03-04"),
    ],
)
def test_recognised(written: object, iso: str) -> None:
    assert normalise_date(written) == iso


@pytest.mark.parametrize(
    "written",
    ["", None, True, "next week", "2031-02-30", "2031-13", "03/04/2031", 1717000000, "0000", "May", "12:30", ["2031"]],
)
def test_not_guessed(written: object) -> None:
    assert normalise_date(written) == ""
