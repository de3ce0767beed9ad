import pytest

from kg.extraction.validity import validity


@pytest.mark.parametrize(
    ("behind", "expected"),
    [
        (" since 2026, watched", ("2026", "")),
        (" in March 2031.", ("2031-03", "")),
        (" on 4 March 2031.", ("2031-03-04", "")),
        (", from 2011 to 2019", ("2011", "2019")),
        (" (2011–2019)", ("2011", "2019")),
        (" between May 2011 and June 2012", ("2011-05", "2012-06")),
        (" until\n2024-05-01.", ("", "2024-05-01")),
        (" till 2019", ("", "2019")),
        (" for 2,000 crowns", ("", "")),
        (" in 2,000 houses", ("", "")),
        (" in Torsby since 2026", ("", "")),
        (" and left in 2026", ("", "")),
        (" from 2019 to 2011", ("2019", "")),
        ("-in 2031", ("", "")),
        ("", ("", "")),
    ],
)
def test_only_what_stands_right_behind_the_fact_counts(behind, expected):
    assert validity("is head of", "Bellwick Mill", behind) == expected


@pytest.mark.parametrize(
    ("predicate", "date", "expected"),
    [
        ("was founded in", "2017", ("2017", "")),
        ("has led the mill since", "4 March 2031", ("2031-03-04", "")),
        ("stays until", "2040", ("", "2040")),
        ("employs", "2017", ("", "")),
        ("was founded in", "Torsby", ("", "")),
    ],
)
def test_an_object_that_is_the_date_counts_with_its_preposition(predicate, date, expected):
    assert validity(predicate, date, ".") == expected
