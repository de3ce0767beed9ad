import numpy as np

from retrieval.index.rank import ranking, top_rows


def test_ties_go_to_the_first_row_even_at_the_cut() -> None:
    scores = np.array([0.1, 0.7, 0.7, 0.9, 0.7])
    assert top_rows(scores, 3).tolist() == [3, 1, 2]


def test_differences_below_a_millionth_do_not_decide() -> None:
    scores = np.array([0.3, 0.3 + 4e-8, 0.3 - 3e-8], dtype=np.float64)
    assert top_rows(scores, 3).tolist() == [0, 1, 2]


def test_threshold_leaves_out_rows_at_or_below_it() -> None:
    assert top_rows(np.array([0.0, 2.0, 1.0]), 5, above=0.0).tolist() == [1, 2]


def test_no_rows_and_no_limit_give_an_empty_ranking() -> None:
    assert ranking(np.zeros(0, dtype="S1"), np.zeros(0), 3) == []
    assert top_rows(np.array([1.0, 2.0]), 0).tolist() == []
