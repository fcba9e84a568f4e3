"""MesoNet: sizes of the paper, the published files layer by layer, and which way they point."""

import cv2
import h5py
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from unmask import detectors
from unmask.errors import DataError

FILES = {
    "Meso4_DF": "meso4",
    "Meso4_F2F": "meso4",
    "MesoInception_DF": "meso_inception4",
    "MesoInception_F2F": "meso_inception4",
}
SHAPE = (256, 256, 3)


@pytest.mark.parametrize(("name", "count"), [("meso4", 27_977), ("meso_inception4", 28_615)])
def test_trained_parameters_are_those_of_the_paper(name, count):
    model = detectors.build(name, SHAPE)
    assert sum(int(np.prod(weight.shape)) for weight in model.trainable_weights) == count


def arrays_of(path) -> dict[str, list[np.ndarray]]:
    with h5py.File(path) as stream:
        return {
            name.decode(): [
                stream[name][weight][:] for weight in stream[name].attrs["weight_names"]
            ]
            for name in stream.attrs["layer_names"]
        }


def numbered(arrays: dict[str, list[np.ndarray]], kind: str) -> list[list[np.ndarray]]:
    found = {int(name.rsplit("_", 1)[1]): a for name, a in arrays.items() if name.startswith(kind)}
    return [found[number] for number in sorted(found)]


@pytest.mark.parametrize("file", FILES)
def test_every_published_array_is_in_its_layer_and_the_last_unit_is_turned(shared_data, file):
    path = shared_data / "weights" / f"{file}.h5"
    model = detectors.build(FILES[file], SHAPE, weights=path)
    arrays = arrays_of(path)
    compared = 0
    for kind, ours in (("conv2d", "conv"), ("batch_normalization", "norm"), ("dense", "dense")):
        for number, expected in enumerate(numbered(arrays, kind), start=1):
            last = ours == "dense" and number == 2
            layer = model.get_layer("fake" if last else f"{ours}{number}")
            sign = -1 if last else 1
            for array, wanted in zip(layer.get_weights(), expected, strict=True):
                np.testing.assert_array_equal(array, sign * wanted)
                compared += 1
    assert compared == len(model.weights) == sum(map(len, arrays.values()))


def test_deepfakes_score_higher_than_the_clip_they_were_made_of(shared_data):
    """519_515 is a Deepfake of 519: the kind the networks named DF learned."""
    frames, labels = [], []
    for label, clip in ((0, "real/519.mp4"), (1, "fake/519_515.mp4")):
        video = cv2.VideoCapture(str(shared_data / "videos_ffpp_c23" / clip))
        for number in range(41):
            frame = video.read()[1]
            if number % 10:
                continue
            # The face moves little; this square holds it in all of these frames.
            face = np.ascontiguousarray(frame[70:210, 340:480, ::-1])
            frames.append(cv2.resize(face, (256, 256), interpolation=cv2.INTER_AREA))
            labels.append(label)
    for file in ("Meso4_DF", "MesoInception_DF"):
        path = shared_data / "weights" / f"{file}.h5"
        scores = np.asarray(detectors.build(FILES[file], SHAPE, weights=path)(np.stack(frames)))
        assert ((scores > 0) & (scores < 1)).all()
        assert roc_auc_score(labels, scores[:, 0]) > 0.8


def test_weights_that_do_not_fit_name_the_layers(tmp_path, shared_data):
    with pytest.raises(DataError) as caught:
        detectors.build("meso4", (128, 128, 3), weights=shared_data / "weights" / "Meso4_DF.h5")
    assert "dense1: expected (256, 16) (16,), found (1024, 16) (16,)" in str(caught.value)
    with pytest.raises(DataError, match=r"conv10: expected nothing, found .*; and \d+ more"):
        detectors.build("meso4", SHAPE, weights=shared_data / "weights" / "MesoInception_DF.h5")
    with pytest.raises(DataError, match="no file of weights"):
        detectors.build("meso4", SHAPE, weights=tmp_path / "none.h5")
    whole = (shared_data / "weights" / "Meso4_DF.h5").read_bytes()
    half = tmp_path / "half.h5"
    half.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"half\.h5 is damaged"):
        detectors.build("meso4", SHAPE, weights=half)
    text = tmp_path / "text.h5"
    text.write_text("not weights")
    with pytest.raises(DataError, match="not an HDF5 file"):
        detectors.build("meso_inception4", SHAPE, weights=text)
