"""A search fits a detector as its notebook does, and says with which weights it begins."""

from dataclasses import replace

import pytest
from planted import quiet
from test_search import SEARCH, tiny_data
from unmask.errors import UsageError
from unmask.runs import read_json
from unmask.training.search import search
from unmask.training.search.run import notices_of_start
from unmask.training.search.spaces import space_of


def test_hand_made_features_are_searched_with_a_linear_head(tmp_path):
    settings = replace(SEARCH, network="thumbnail", space="best", trials=2)
    data = tiny_data(8)
    data = replace(data, pixels=data.pixels.repeat(2, axis=1).repeat(2, axis=2))
    found = search(data, settings, tmp_path, quiet)
    assert set(found.best) == {"augmentations", "augment", "copies", "crop"}
    assert list(found.trials["status"]) == ["done"] * 2 and not found.notices
    records = [read_json(path) for path in found.folder.glob("trial_*/fit/training.json")]
    assert [record["precision"] for record in records] == ["float32"] * 2
    assert len(list(found.folder.glob("trial_*/features"))) == 2


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, "nothing to try for thumbnail"),
        ({"method": "grid"}, "nothing to try for thumbnail"),
        ({"method": "halving"}, "fitted at once: the method halving"),
        ({"method": "hyperband", "space": "best"}, "fitted at once: the method hyperband"),
    ],
)
def test_what_cannot_be_searched_with_a_linear_head_is_refused(changed, words):
    with pytest.raises(UsageError, match=words):
        space_of(replace(SEARCH, network="thumbnail", **changed), 12)


def test_a_search_says_which_networks_begin_without_what_imagenet_taught():
    (said,) = notices_of_start("mobilenet_v2")
    assert said.startswith("All trials of mobilenet_v2, and the winner, begin with random weights")
    assert notices_of_start("thumbnail") == notices_of_start("searched") == []
