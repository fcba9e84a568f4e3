"""A search ranks what it could train, lists what it could not, and goes on where it was."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from planted import SETTINGS, Stop, planted_data, quiet
from unmask.detectors import build
from unmask.errors import DataError, UsageError
from unmask.training.search import SearchSettings, search, split_choices
from unmask.training.settings import TrainingData

# In pictures of four pixels the networks of three blocks cannot be built.
TINY = replace(SETTINGS, batch_size=32)
SEARCH = SearchSettings(trials=3, epochs=1, training=replace(TINY, seed=3))


def tiny_data(side: int = 4) -> TrainingData:
    data = planted_data(96, shade=60)
    return replace(data, pixels=np.ascontiguousarray(data.pixels[:, :side, :side]))


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """A search of which the progress was stopped in its second training, then let finish."""
    folder = tmp_path_factory.mktemp("search")
    seen = []

    def stop_in_second(fraction, message):
        seen.append(message)
        if len({message.split(",")[0] for message in seen}) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(tiny_data(), SEARCH, folder, stop_in_second)
    (own,) = [path for path in folder.iterdir() if path.is_dir()]
    first = sorted(own.glob("trial_*/fit/model.keras"))
    stamps = {path: path.stat().st_mtime_ns for path in first}
    return folder, stamps, search(tiny_data(), SEARCH, folder, quiet)


def test_a_search_resumes_without_training_a_trial_again(searched):
    folder, stamps, result = searched
    assert stamps and all(path.stat().st_mtime_ns == stamp for path, stamp in stamps.items())
    assert sorted(result.trials["trial"]) == ["0", "1", "2"]
    assert (folder / "trials.csv").exists() and result.folder.parent == folder

    def never(fraction, message):
        raise AssertionError("nothing is left to train")

    again = search(tiny_data(), SEARCH, folder, never)
    assert again.best == result.best
    pd.testing.assert_frame_equal(again.trials, result.trials)


def test_failed_trials_are_listed_with_their_reason_and_skipped(searched):
    *_, result = searched
    trials = result.trials
    failed, done = trials[trials["status"] == "failed"], trials[trials["status"] == "done"]
    assert len(failed) and len(done)
    assert set(failed["blocks"]) <= {"32-64-128", "64-128-256"}
    assert not set(done["blocks"]) & {"32-64-128", "64-128-256"}
    assert failed["reason"].str.startswith("Pictures of 4x4 pixels are too small").all()
    assert result.notices == [
        f"{len(failed)} of 3 trials of the search failed and were skipped; the table says why."
    ]


def test_the_best_choices_are_of_the_first_row_and_build_that_network(searched):
    *_, result = searched
    first = result.trials.iloc[0]
    assert first["val_auc"] == result.trials["val_auc"].max()
    network, training = split_choices(result.best)
    assert "-".join(map(str, network["blocks"])) == first["blocks"]
    assert training == {"learning_rate": first["learning_rate"]}
    assert build("searched", (4, 4, 3), **network).count_params() == first["parameters"]


def test_other_data_and_settings_are_another_search(searched):
    folder, _, result = searched

    def stop(fraction, message):
        raise Stop

    # A progress that raises fails the trial, as any error would.
    for data, settings in (
        (replace(tiny_data(), identity="other"), SEARCH),
        (tiny_data(), replace(SEARCH, epochs=2)),
    ):
        with pytest.raises(DataError, match=r"All 1 trials of the search failed\. The first: Stop"):
            search(data, replace(settings, trials=1), folder, stop)
    assert len([path for path in folder.iterdir() if path.is_dir()]) == 3
    assert result.folder.exists()


def test_a_search_in_which_nothing_can_be_trained_says_why(tmp_path):
    with pytest.raises(DataError, match=r"All 3 trials .* Pictures of 1x1 pixels are too small"):
        search(tiny_data(side=1), SEARCH, tmp_path, quiet)


def test_half_a_file_of_the_tuner_costs_no_finished_trial(searched):
    *_, result = searched
    stamps = {path: path.stat().st_mtime_ns for path in result.folder.rglob("model.keras")}
    (result.folder / "oracle.json").write_text('{"ongoing')
    again = search(tiny_data(), SEARCH, result.folder.parent, quiet)
    pd.testing.assert_frame_equal(again.trials, result.trials)
    assert stamps == {path: path.stat().st_mtime_ns for path in result.folder.rglob("model.keras")}


def test_the_large_space_is_searched_by_bayesian_optimization(tmp_path):
    settings = replace(SEARCH, space="large", method="bayesian", trials=3, objective="val_loss")
    result = search(tiny_data(8), settings, tmp_path, quiet)
    choices = {"blocks", "kernel", "dropout", "skip", "attention", "optimizer", "weight_decay"}
    choices |= {"augment", "label_smoothing", "mixup"}
    assert choices <= set(result.best) and choices <= set(result.trials.columns)
    done = result.trials[result.trials["status"] == "done"]
    assert list(done["val_loss"]) == sorted(done["val_loss"])


@pytest.mark.slow
def test_hyperband_lets_the_better_networks_train_on(tmp_path):
    settings = replace(SEARCH, method="hyperband", epochs=3)
    result = search(tiny_data(side=8), settings, tmp_path, quiet)
    promoted = [
        path
        for path in result.folder.glob("trial_*/trial.json")
        if '"tuner/trial_id"' in path.read_text()
    ]
    assert promoted and (result.trials["status"] == "done").all()


def test_unknown_words_offer_the_nearest():
    for wrong in ({"space": "refrence"}, {"method": "randon"}, {"objective": "val_auk"}):
        with pytest.raises(UsageError, match="Did you mean"):
            SearchSettings(**wrong)
