"""What a GPU would do of the augmentation, done here by the processor."""

from dataclasses import replace

import keras
import numpy as np
from planted import SETTINGS, planted_data, small_network
from unmask.training.optimizers import compile_for_training
from unmask.training.trainee import make_trainee, split_augmentations

ALL = ("flip", "shift", "light", "jpeg")
CHANGED = replace(SETTINGS, augment=1.0, augmentations=ALL, optimizer="sgd")
DATA = planted_data(32, shade=60)
BATCH = (DATA.pixels[:16], (np.arange(16) % 2).astype(np.float32)[:, None])


def test_the_device_gets_what_it_can_do_and_the_processor_the_rest():
    assert split_augmentations(CHANGED, on_gpu=False) == (ALL, ())
    assert split_augmentations(CHANGED, on_gpu=True) == (("jpeg",), ("flip", "shift", "light"))
    crops = replace(CHANGED, crop=8)
    assert split_augmentations(crops, on_gpu=True) == (("jpeg",), ("flip", "light"))
    assert split_augmentations(replace(CHANGED, mixup=0.2), on_gpu=True) == (ALL, ())


def test_a_network_with_nothing_to_change_is_trained_itself():
    model = small_network()
    assert make_trainee(model, SETTINGS, on_gpu=True) is model
    assert make_trainee(model, CHANGED, on_gpu=False) is model


def test_changes_on_the_device_follow_from_seed_and_epoch():
    model = small_network()
    trainee = make_trainee(model, CHANGED, on_gpu=True)
    compile_for_training(trainee, CHANGED, 1e-9)
    losses = []
    for epoch in (0, 0, 1):
        trainee.set_epoch(epoch)
        losses.append(trainee.train_on_batch(*BATCH)[0])
        trainee.reset_metrics()
    plain = make_trainee(model, SETTINGS, on_gpu=True)
    compile_for_training(plain, SETTINGS, 1e-9)
    losses.append(plain.train_on_batch(*BATCH)[0])
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-4)
    assert abs(losses[2] - losses[0]) > 1e-4 and abs(losses[3] - losses[0]) > 1e-4
    assert [array.shape for array in trainee.get_weights()] == [
        array.shape for array in model.get_weights()
    ]
    assert isinstance(trainee, keras.Model)
