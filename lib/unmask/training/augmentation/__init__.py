"""Changes of the training pictures, by name: on the processor, or on the device that trains.

Example:
    names = ("flip", "shift", "resave")
    on_host, on_device = split_host_and_device(names, on_gpu=True)
    pictures = augment_batch(pictures, 0.5, np.random.default_rng(1), on_host)
    layer = device_augmentation(on_device, 0.5, seed=1)
"""

from .device import device_augmentation, split_host_and_device
from .host import DEFAULT, MEANINGS, NAMES, augment_batch, examples

__all__ = [
    "DEFAULT",
    "MEANINGS",
    "NAMES",
    "augment_batch",
    "device_augmentation",
    "examples",
    "split_host_and_device",
]
