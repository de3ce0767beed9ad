import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.index.fuse import reciprocal_rank_fusion
from retrieval.index.rank import ScoredId

RUN = st.lists(st.sampled_from("abcdefgh"), unique=True).map(lambda ids: [ScoredId(i, -n) for n, i in enumerate(ids)])


@given(st.lists(RUN, min_size=1, max_size=4), st.integers(1, 100))
def test_every_id_once_best_first_ties_by_id_scores_in_range(runs: list[list[ScoredId]], k: int) -> None:
    fused = reciprocal_rank_fusion(runs, k)
    assert {item.id for item in fused} == {item.id for run in runs for item in run}
    assert len({item.id for item in fused}) == len(fused)
    assert fused == sorted(fused, key=lambda item: (-item.score, item.id))
    assert all(0 < item.score <= len(runs) / (k + 1) + 1e-12 for item in fused)


@given(RUN, st.integers(1, 100))
def test_one_ranking_keeps_its_order(run: list[ScoredId], k: int) -> None:
    assert [item.id for item in reciprocal_rank_fusion([run], k)] == [item.id for item in run]


@given(RUN, RUN)
def test_order_of_the_rankings_does_not_matter(one: list[ScoredId], other: list[ScoredId]) -> None:
    assert reciprocal_rank_fusion([one, other]) == reciprocal_rank_fusion([other, one])


def test_scores_are_those_of_the_paper() -> None:
    one, other = [ScoredId("a", 9.0), ScoredId("b", 8.0)], [ScoredId("b", 0.2)]
    scores = {item.id: item.score for item in reciprocal_rank_fusion([one, other])}
    assert scores == pytest.approx({"a": 1 / 61, "b": 1 / 62 + 1 / 61})


def test_weights_count() -> None:
    fused = reciprocal_rank_fusion([[ScoredId("a", 1.0)], [ScoredId("b", 1.0)]], weights=[1.0, 2.0])
    assert [item.id for item in fused] == ["b", "a"]


def test_nothing_to_fuse_or_wrong_weights_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one ranking"):
        reciprocal_rank_fusion([])
    with pytest.raises(ValueError, match=r"one weight a ranking \(1\)"):
        reciprocal_rank_fusion([[]], weights=[1.0, 2.0])
