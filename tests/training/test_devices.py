"""How many devices train, and what that makes of batch and rate."""

import pytest
from unmask.errors import DataError, UsageError
from unmask.training.devices import (
    GPUS,
    Scale,
    best_gpus,
    choose_scale,
    fit_together,
    open_strategy,
    scale_notices,
    scaled,
    share_steps,
    training_devices,
)
from unmask.training.memory import with_smaller_batches
from unmask.training.search import processes
from unmask.training.search.run import notices_of_workers
from unmask.training.settings import Phase, TrainingSettings

T4, P100, A100 = ("Tesla T4", (7, 5)), ("Tesla P100", (6, 0)), ("A100", (8, 0))


def steps_of(count: int):
    return lambda batch_size: -(-count // batch_size)


@pytest.mark.parametrize(
    ("faces", "optimizer", "devices", "expected"),
    [
        (10_000, "adam", 1, Scale(32, 1.0)),
        (10_000, "adam", 2, Scale(64, 2.0)),
        (10_000, "rmsprop", 4, Scale(128, 2.0)),
        (10_000, "adam", 8, Scale(256, 8**0.5)),
        (10_000, "sgd", 2, Scale(64, 2.0)),
        # 19 * 64 faces make 19 steps on two devices, one more makes 20.
        (19 * 64, "adamw", 2, Scale(32, 1.0)),
        (19 * 64 + 1, "adamw", 2, Scale(64, 2.0)),
        (19 * 96 + 1, "sgd", 4, Scale(96, 3.0)),
        (40, "sgd", 4, Scale(32, 1.0)),
    ],
)
def test_batch_and_rate_grow_with_the_devices_while_an_epoch_keeps_its_steps(
    faces, optimizer, devices, expected
):
    assert choose_scale(32, optimizer, devices, steps_of(faces)) == expected


@pytest.mark.parametrize(
    ("gpus", "most", "expected"),
    [
        ([], None, []),
        ([T4, T4], None, [T4, T4]),
        ([T4, T4], 1, [T4]),
        ([T4, T4], 8, [T4, T4]),
        ([A100, T4], None, [A100]),
        ([T4, A100, A100], None, [T4]),
        ([P100, P100, T4], None, [P100, P100]),
    ],
)
def test_gpus_that_train_together_are_of_one_kind(gpus, most, expected):
    assert fit_together(gpus, most) == expected


@pytest.mark.parametrize(
    ("names", "asked", "scale", "left", "expected"),
    [
        (["a"], 32, Scale(32), 32, ["a"]),
        (["a", "b"], 32, Scale(64), 64, ["a", "b"]),
        (["a"], 32, Scale(64), 64, ["a"]),
        (["a", "b"], 32, Scale(32), 32, ["a"]),
        (["a", "b"], 32, Scale(64), 16, ["a", "b"]),
        (["a", "b"], 32, Scale(64), 1, ["a"]),
        (["a", "b", "c", "d"], 8, Scale(24), 24, ["a", "b", "c"]),
        (["a", "b", "c", "d"], 8, Scale(24), 4, ["a", "b"]),
    ],
)
def test_as_many_devices_share_a_step_as_the_batch_was_made_for(
    names, asked, scale, left, expected
):
    assert share_steps(names, asked, scale, left) == expected


def test_every_rate_is_multiplied():
    settings = TrainingSettings(learning_rate=0.01, phases=(Phase("head", 1, 0.1), Phase()))
    found = scaled(settings, 2.0, 64)
    assert (found.batch_size, found.learning_rate) == (64, 0.02)
    assert found.phases == (Phase("head", 1, 0.2), Phase("all", 10, 2e-3))
    assert scaled(settings, 1.0, 32) == settings


def test_the_reader_is_told_what_several_devices_changed():
    one, two = Scale(32), Scale(64, 2.0)
    assert scale_notices(32, one, one, 1) == []
    assert scale_notices(32, two, one, 1) == scale_notices(32, two, two, 2)
    assert "64 faces where 32 were asked for, at 2 times" in scale_notices(32, two, two, 2)[0]
    assert "begun on one" in scale_notices(32, one, two, 2)[0]
    assert "fewer than 20 steps" in scale_notices(32, one, one, 2)[0]


def test_halved_batches_stay_divisible_by_the_devices():
    tried = []

    def work(batch_size):
        tried.append(batch_size)
        raise MemoryError

    with pytest.raises(DataError, match="one picture at a time"):
        with_smaller_batches(work, 60, "this", 4)
    assert tried == [60, 28, 12, 4, 2, 1]


def test_a_machine_without_gpus_trains_on_its_processor(monkeypatch):
    monkeypatch.delenv(GPUS, raising=False)
    if best_gpus():
        pytest.skip("this machine has a GPU")
    (name,) = training_devices()
    assert "CPU:0" in name and open_strategy([name]) is None


@pytest.mark.parametrize("asked", ["0", "two", "-1", "1.5"])
def test_a_wrong_number_of_gpus_is_named(monkeypatch, asked):
    monkeypatch.setenv(GPUS, asked)
    with pytest.raises(UsageError, match=f"UNMASK_GPUS is '{asked}'"):
        training_devices()


@pytest.mark.parametrize(
    ("visible", "gpus", "expected"),
    [
        ({}, 0, [None, None]),
        ({}, 1, [None, None]),
        ({}, 2, ["0", "1", "0"]),
        ({"CUDA_VISIBLE_DEVICES": "2,5"}, 2, ["2", "5", "2"]),
        ({"CUDA_VISIBLE_DEVICES": "-1"}, 2, ["0", "1"]),
    ],
)
def test_workers_of_a_search_take_the_visible_gpus_in_turn(visible, gpus, expected):
    found = [processes.own_gpu(place, gpus, visible) for place in range(len(expected))]
    assert [each.get("CUDA_VISIBLE_DEVICES") for each in found] == expected


def test_a_winner_on_more_devices_than_its_trials_is_told():
    assert notices_of_workers(1) == []
    assert "one of 2 devices" in notices_of_workers(2)[0]
