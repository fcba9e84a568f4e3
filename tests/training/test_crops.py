"""A network for crops scores whole faces by the mean over a grid of crops."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from planted import SETTINGS, SIDE, planted_data, quiet
from unmask import detectors
from unmask.detectors.layers.crops import CropGrid
from unmask.errors import UsageError
from unmask.training.fast import accelerate, plain
from unmask.training.features import to_logit, whole_faces
from unmask.training.fit import train
from unmask.training.predict import predict

CROP = 8
DATA = planted_data(shade=60)


def crop_network() -> keras.Model:
    keras.utils.set_random_seed(1)
    return detectors.build_from_choices(
        (CROP, CROP, 3), blocks=(4,), dropout=0.0, head="average", name="small"
    )


@pytest.mark.parametrize(
    ("side", "crop", "starts"),
    [
        (12, 8, [0, 4]),
        (8, 8, [0]),
        (16, 8, [0, 8]),
        (20, 8, [0, 8, 12]),
        (23, 8, [0, 8, 15]),
        (22, 12, [0, 10]),
        (256, 96, [0, 80, 160]),
        (250, 100, [0, 72, 150]),
    ],
)
def test_the_grid_covers_the_face_with_as_few_crops_as_it_takes(side, crop, starts):
    ramp = np.arange(side, dtype=np.float32)
    picture = np.broadcast_to(ramp[:, None, None] * 1000 + ramp[None, :, None], (side, side, 1))
    crops = CropGrid(crop)(picture[None]).numpy()
    assert len(crops) == len(starts) ** 2 == CropGrid(crop).count((side, side, 1))
    assert [crop[0, 0, 0] for crop in crops] == [t * 1000 + left for t in starts for left in starts]


def test_the_logit_of_a_face_is_the_mean_of_its_crops():
    model, faces = crop_network(), DATA.pixels[:5]
    whole = whole_faces(model, (SIDE, SIDE, 3))
    logit = to_logit(model)
    parts = [
        logit(faces[:, top : top + CROP, left : left + CROP]) for top in (0, 4) for left in (0, 4)
    ]
    np.testing.assert_allclose(to_logit(plain(whole))(faces), np.mean(parts, axis=0), atol=1e-5)
    assert whole.layers[-1] is model.layers[-1]
    low = accelerate(whole, "mixed_bfloat16")
    np.testing.assert_allclose(low(faces), whole(faces), atol=0.05)


def test_training_on_crops_saves_a_network_for_whole_faces(tmp_path):
    settings = replace(SETTINGS, epochs=2, crop=CROP, mixup=0.2, label_smoothing=0.1)
    result = train(crop_network(), DATA, settings, tmp_path, quiet)
    saved = keras.models.load_model(result.model_path, safe_mode=True)
    assert saved.input_shape == (None, SIDE, SIDE, 3) and saved.layers[-1].name == "fake"
    scores = np.clip(predict(saved, DATA.pixels, DATA.val_rows), 1e-7, 1 - 1e-7)
    right = np.where(DATA.val_labels == 1, scores, 1 - scores)
    # What was watched while training is what the saved network does.
    assert -np.log(right).mean() == pytest.approx(result.history["val_loss"].min(), rel=1e-3)
    assert result.history["val_auc"].iloc[-1] > 0.6
    assert list((tmp_path / "tensorboard" / "train").glob("events.out.tfevents.*"))


def test_a_linear_head_on_crops_takes_whole_faces_too(tmp_path):
    settings = replace(SETTINGS, method="linear_head", crop=CROP)
    result = train(crop_network(), DATA, settings, tmp_path / "seed_1", quiet)
    saved = keras.models.load_model(result.model_path)
    assert saved.input_shape == (None, SIDE, SIDE, 3)
    right = (saved(DATA.pixels[DATA.val_rows]).numpy()[:, 0] > 0.5) == (DATA.val_labels == 1)
    assert right.mean() == pytest.approx(
        result.history["val_accuracy"][result.best_epoch - 1], abs=0.02
    )


def test_sizes_that_do_not_fit_are_refused(tmp_path):
    with pytest.raises(UsageError, match=r"trained on crops of \(6, 6, 3\)"):
        train(crop_network(), DATA, replace(SETTINGS, crop=6), tmp_path, quiet)
    with pytest.raises(UsageError, match=r"trained on faces of \(12, 12, 3\)"):
        train(crop_network(), DATA, SETTINGS, tmp_path, quiet)
    with pytest.raises(UsageError, match="smaller than crops of 8"):
        whole_faces(crop_network(), (6, 6, 3))
