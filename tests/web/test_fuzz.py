"""150 broken photos and clips: each is answered in words. `fuzz.py` sends as many as one likes."""

import fuzz
import pytest
import requests


def test_broken_files_are_answered_in_words(address):
    report = fuzz.run(address, 150, seed=1)
    assert report.wrong == []
    assert report.statuses.total() == 150
    assert report.statuses[200] > 0
    assert report.statuses[415] > 0
    assert report.statuses[422] > 0
    assert requests.get(f"{address}/health", timeout=60).json()["inside"] == 0


def test_the_same_seed_breaks_the_same():
    assert list(fuzz.cases(20, seed=5)) == list(fuzz.cases(20, seed=5))
    assert list(fuzz.cases(20, seed=5)) != list(fuzz.cases(20, seed=6))


def test_a_wrong_answer_would_be_noticed():
    case = next(fuzz.cases(1))
    answer = requests.Response()
    answer.status_code = 500
    answer._content = b"{}"
    assert fuzz.wrong_with(answer, case) == "status 500"
    answer.status_code = 422
    answer._content = b'{"error": "Traceback (most recent call last)"}'
    assert "traceback" in fuzz.wrong_with(answer, case)
    with pytest.raises(StopIteration):
        next(fuzz.cases(0))
