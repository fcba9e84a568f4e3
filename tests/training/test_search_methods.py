"""Grids try everything, halving lets the better networks train on, choices become networks."""

import math
import random
from dataclasses import replace

import keras
import numpy as np
import pandas as pd
import pytest
from planted import SETTINGS, planted_data, quiet
from unmask import detectors
from unmask.errors import DataError, UsageError
from unmask.training.fit import train
from unmask.training.search import (
    SearchSettings,
    build_winner,
    search,
    split_choices,
)
from unmask.training.search.job import read_job, write_job
from unmask.training.search.oracles import UNTIL, halving_rounds, make_oracle, trainings_planned
from unmask.training.search.spaces import choices_of, plain_values, space_of, varied_options
from unmask.training.settings import Phase, TrainingSettings

SHARED = replace(SETTINGS, batch_size=32, seed=3, patience=9)

# No dropout: what it drops depends on where a training was interrupted.
HALVING = SearchSettings(
    method="halving", trials=3, epochs=3, training=SHARED, network="two_block", dropouts=(0.0,)
)


@pytest.fixture(scope="module")
def halved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("halving")
    return search(planted_data(96, shade=60), HALVING, folder, quiet)


@pytest.mark.parametrize(
    ("trials", "epochs", "rounds"),
    [
        (9, 9, [(9, 1), (3, 3), (1, 9)]),
        (4, 2, [(4, 1), (2, 2)]),
        (1, 5, [(1, 5)]),
        (27, 10, [(27, 1), (9, 3), (3, 10)]),
        (5, 1, [(5, 1)]),
    ],
)
def test_halving_gives_the_better_third_three_times_the_epochs(trials, epochs, rounds):
    settings = SearchSettings(method="halving", trials=trials, epochs=epochs)
    assert halving_rounds(settings) == rounds
    assert trainings_planned(settings, 64) == sum(count for count, _ in rounds)


def run_oracle(folder, settings, workers: int, seed: int = 0) -> dict:
    """Plays `workers` that end in any order; an AUC follows from the choices alone."""
    oracle = make_oracle(settings, 64)
    oracle._set_project_dir(str(folder), "search")
    oracle.verbose = 0
    order, busy = random.Random(seed), {}
    for _ in range(500):
        idle = [f"worker{number}" for number in range(workers) if f"worker{number}" not in busy]
        for name in idle:
            trial = oracle.create_trial(name)
            if trial.status == "RUNNING":
                busy[name] = trial
        if not busy:
            break
        trial = busy.pop(order.choice(sorted(busy)))
        values = {name: value for name, value in trial.hyperparameters.values.items()}
        auc = random.Random(repr(sorted(values.items()))).random()
        oracle.update_trial(trial.trial_id, {"val_auc": auc})
        trial.status = "COMPLETED"
        oracle.end_trial(trial)
    return {name: trial.hyperparameters.values for name, trial in oracle.trials.items()}


@pytest.mark.parametrize("method", ["random", "grid", "halving"])
def test_any_number_of_workers_tries_the_same_networks(tmp_path, method):
    settings = SearchSettings(method=method, trials=9, epochs=9)
    alone = run_oracle(tmp_path / "one", settings, 1)
    assert len(alone) == (12 if method == "grid" else 9)
    for seed in range(3):
        assert run_oracle(tmp_path / str(seed), settings, 4, seed) == alone
    if method == "halving":
        assert sorted(values[UNTIL] for values in alone.values()) == [1] * 6 + [3] * 2 + [9]


def test_halving_goes_on_with_the_weights_that_a_trial_has(halved, tmp_path):
    trials = halved.trials
    assert list(trials["status"]) == ["done", "stopped", "stopped"]
    assert list(trials["epochs"]) == [3, 1, 1]
    assert not list(halved.folder.glob("trial_*/fit/checkpoints"))
    # The survivor was looked at after one epoch and then trained on: as if never stopped.
    _, chosen = split_choices(halved.best)
    settings = replace(SHARED, epochs=3, **chosen)
    data = planted_data(96, shade=60)
    keras.utils.set_random_seed(settings.seed)
    straight = train(build_winner(halved, data.pixels.shape[1:]), data, settings, tmp_path, quiet)
    number = trials["trial"].iloc[0]
    history = pd.read_csv(halved.folder / f"trial_{number}" / "fit" / "history.csv")
    names = ["loss", "val_loss", "val_auc", "learning_rate"]
    np.testing.assert_allclose(history[names], straight.history[names], rtol=2e-3)


def test_half_a_file_of_the_tuner_costs_no_stopped_trial(halved):
    (halved.folder / "oracle.json").write_text('{"ongoing')

    def never(fraction, message):
        raise AssertionError("nothing is left to train")

    again = search(planted_data(96, shade=60), HALVING, halved.folder.parent, never)
    pd.testing.assert_frame_equal(again.trials, halved.trials)


def test_a_grid_has_the_values_asked_for_and_options_of_the_network():
    settings = SearchSettings(method="grid", options=("skip", "head"))
    values = plain_values(settings)
    assert values["dropout"] == (0.2, 0.0, 0.5) and values["batch_size"] == (32, 64)
    assert values["skip"] == (False, True) and values["head"] == ("flatten", "average")
    assert trainings_planned(settings, 64) == 3 * 2 * 2 * 2 * 2
    with pytest.raises(UsageError, match=r"option 'skipp' of searched\. Did you"):
        plain_values(replace(settings, options=("skipp",)))
    with pytest.raises(UsageError, match="nothing to try for log_dct"):
        plain_values(SearchSettings(network="log_dct"))
    for name in detectors.names():
        known = detectors.options(name)
        for option, values in varied_options(name).items():
            assert isinstance(values[0], type(known[option])), (name, option)
    assert varied_options("lenet") == {"l1_kernel": (0.0, 1e-10), "l2_activity": (0.0, 1e-7)}


@pytest.mark.parametrize(
    ("space", "network"),
    [("reference", "searched"), ("large", "searched"), ("best", "searched"), ("best", "lenet")],
)
def test_all_that_a_space_can_choose_is_understood(space, network, tmp_path):
    settings = SearchSettings(space=space, network=network, trials=25)
    known = detectors.options(settings.detector)
    oracle = make_oracle(settings, 80)
    oracle._set_project_dir(str(tmp_path), "search")
    for number in range(20):
        choices = choices_of(oracle.populate_space(str(number))["values"])
        network, training = split_choices(choices)
        assert set(network) <= set(known)
        assert replace(TrainingSettings(), **training).crop in (0, 64)
        assert set(choices) == set(network) | set(training)


def test_crops_that_the_network_cannot_take_are_not_offered():
    least = detectors.smallest("xception")
    assert 64 < least <= 96
    space = space_of(SearchSettings(space="best", network="xception"), 200)
    assert space.space[[each.name for each in space.space].index("crop")].values == [0, 96, 128]


def test_a_trial_whose_worker_dies_twice_counts_as_failed(tmp_path):
    oracle = make_oracle(SearchSettings(method="grid"), 64)
    oracle._set_project_dir(str(tmp_path), "search")
    oracle.verbose = 0
    first = oracle.create_trial("a")
    second = oracle.create_trial("b")
    assert oracle.give_back("a") == (first.trial_id, False)
    assert oracle.waiting() and oracle.give_back("a") == ("", False)
    assert oracle.create_trial("c").trial_id == first.trial_id
    assert oracle.give_back("c") == (first.trial_id, True)
    assert oracle.trials[first.trial_id].status == "FAILED"
    assert oracle.trials[second.trial_id].status == "RUNNING" and oracle.work_left()
    assert oracle.create_trial("d").trial_id not in (first.trial_id, second.trial_id)


def test_a_job_is_read_back_as_it_was(tmp_path):
    data = planted_data(40, identity="faces")
    np.save(tmp_path / "faces.npy", data.pixels)
    mapped = np.load(tmp_path / "faces.npy", mmap_mode="r")
    settings = SearchSettings(
        method="grid", dropouts=(0.1,), training=replace(SHARED, phases=(Phase("head", 2),))
    )
    for name, pixels, copied in (("file", mapped, False), ("part", mapped[:40][:, :8], True)):
        own = tmp_path / name
        write_job(own, replace(data, pixels=pixels), settings)
        assert (own / "job_pixels.npy").exists() == copied
        read, same = read_job(own)
        assert same == settings
        assert read.fingerprint() == replace(data, pixels=pixels).fingerprint()
    reals = {"train_labels": data.train_labels * 0, "val_labels": data.val_labels * 0}
    blended = replace(data, pixels=mapped, **reals, fakes="self_blended")
    write_job(tmp_path / "reals", blended, settings)
    assert read_job(tmp_path / "reals")[0].fakes == "self_blended"
    np.save(tmp_path / "faces.npy", 255 - data.pixels)
    with pytest.raises(DataError, match="are not those that the search began with"):
        read_job(tmp_path / "file")


def test_what_a_search_cannot_be_is_said_before_it_starts():
    with pytest.raises(UsageError, match=r"no network 'lenett'\. Did you mean 'lenet'"):
        SearchSettings(network="lenett")
    for wrong in (
        {"dropouts": ()},
        {"dropouts": (1.0,)},
        {"learning_rates": (0.0,)},
        {"batch_sizes": (32, 32)},
        {"keep": 1},
        {"trials": 2.5},
        {"learning_rates": (math.nan,)},
        {"batch_sizes": (32.5,)},
        {"dropouts": ("0.1",)},
        {"dropouts": 0.1},
        {"options": ("skip",)},
        {"options": ("skip",), "space": "best", "network": "lenet"},
        {"space": "large", "method": "grid"},
        {"space": "best", "method": "grid", "network": "lenet"},
        {"space": "large", "network": "lenet"},
    ):
        with pytest.raises(UsageError):
            SearchSettings(**wrong)
