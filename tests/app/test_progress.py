import pytest

from app.progress import LineProgress, clock


def test_a_stage_shows_how_far_it_is_and_that_it_is_done(capsys):
    with LineProgress().step("extract facts", total=4, unit="passages", done=1) as step:
        step.advance()
        step.advance(2)
        step.note("one failed")
    first, last = capsys.readouterr().err.splitlines()
    assert first == "[0:00] extract facts · 1/4 passages"
    assert last == "[0:00] extract facts · 4/4 passages · done in 0:00 · one failed"


def test_a_stage_that_fails_is_not_said_to_be_done(capsys):
    with pytest.raises(ValueError, match="no"), LineProgress().step("train", total=2):
        raise ValueError("no")
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == "[0:00] train · 0/2 items · stopped after 0:00"


def test_times_are_short():
    assert [clock(seconds) for seconds in (0, 9.6, 75, 3661)] == ["0:00", "0:10", "1:15", "1:01:01"]
