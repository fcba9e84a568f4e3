"""Two devices that train side by side do what one does with their batches laid together."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """What `mirrored_script` found, on two devices that share this machine's processor."""
    paths = [str(HERE.parents[1] / "lib"), str(HERE)]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(paths),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "-1",
    }
    done = subprocess.run(
        [sys.executable, str(HERE / "mirrored_script.py"), str(tmp_path_factory.mktemp("two"))],
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.strip().splitlines()[-1])


def test_two_devices_end_where_one_does_with_the_same_batches(report):
    found = report["as_one_device"]
    assert found["moved"] > 0.03
    assert found["weights"] < 1e-5 and found["history"] < 1e-4


def test_what_two_devices_save_is_plain_and_says_how_it_came_about(report):
    found = report["as_one_device"]
    assert found["policies"] == ["float32"] and found["layers"] == ["keras", "unmask"]
    record, alone = found["record"], found["alone"]
    assert (record["batch_size"], record["batch_size_asked"], record["devices"]) == (8, 4, 2)
    assert record["rate_factor"] == 2.0
    assert (alone["batch_size"], alone["devices"], alone["rate_factor"]) == (8, 1, 1.0)
    assert alone["notices"] == []
    (notice,) = record["notices"]
    assert "a step was to take 8 faces where 4 were asked for, at 2 times the learning" in notice


def test_a_training_of_two_devices_is_taken_up_on_one_and_back(report):
    found = report["taken_up"]
    assert found["resumed_from"] == 3 and found["weights"] < 1e-5
    assert found["rates"] == pytest.approx([2 * rate for rate in (1e-2, 3e-3, 3e-3, 3e-3)])


def test_a_training_begun_on_one_device_goes_on_as_it_began(report):
    found = report["taken_up"]
    assert found["begun_on_one"] == [1, 1, 4, 1.0]
    assert found["notices"] == ["One of 2 devices trained, for the training had begun on one."]


def test_each_device_normalizes_its_own_faces_and_the_averages_are_of_all(report):
    found = report["normalized"]
    assert found["rate_factor"] == 2.0 and found["best_epoch"] == 2
    assert found["by_hand"] < 1e-5
    # Laid together, the faces have other statistics: near, but not the same.
    assert 1e-3 < found["one_device"] < 0.2
    assert abs(found["val_loss"][0] - found["val_loss"][1]) < 0.1


def test_a_step_that_overflows_on_one_device_is_skipped_on_all(report):
    found = report["half_precision"]
    assert found["overflow"] == {"copies": [[1.0, 2.0], [1.0, 2.0]], "scale": 2.0}
    # (4 + 12) / 2: the scale has been halved.
    assert found["sound"] == {"copies": [[-7.0, -6.0], [-7.0, -6.0]], "scale": 2.0}
    assert found["finite"] is True


def test_attacks_and_augmentation_happen_on_each_device_with_draws_of_its_own(report):
    found = report["changed_batches"]
    assert 0.3 < found["loss"] < 1.2 and found["moved"] > 1e-4
    assert found["drawn_apart"] > 1.0


def test_uneven_batches_are_dealt_in_turn_with_weights(report):
    pixels, (five, one) = report["dealt"]["pixels"], report["dealt"]["hands"]
    assert [hand[0] for hand in five] == [pixels[0:5:2], pixels[1:5:2]]
    assert [hand[1] for hand in five] == [[0.0, 0.0, 0.0], [1.0, 1.0]]
    assert [hand[2] for hand in five] == [pytest.approx([1.2] * 3), pytest.approx([0.8] * 2)]
    assert one == [[[pixels[5]], [1.0], [1.0]]] * 2


def test_batches_too_large_for_memory_are_halved_on_both_devices(report):
    found = report["short_of_memory"]
    assert found["batches"] == [10, 2, 1]
    assert (
        "Memory did not suffice for batches of 20 pictures; this training used 10"
        in (found["notices"][1])
    )


def test_devices_that_cannot_train_together_leave_it_to_one(report):
    found = report["falling_out"]
    assert found["batches"] == [8, 1]
    assert found["notices"][0].startswith("2 devices failed to train together (InvalidArgument")
    assert "a step was to take 8 faces where 4 were asked for" in found["notices"][1]
    # Not for want of memory, though what is said of the exchange between them names it.
    assert "aborted by: out of memory" in found["fault"]


def test_every_seed_of_a_member_trains_on_both_devices_and_is_scored(report):
    found = report["of_member"]
    assert found["described"] == [2, 8, 2.0, "", [1, 2]]
    assert found["scores"] == 2 * 84 and found["apart"] < 1e-6
