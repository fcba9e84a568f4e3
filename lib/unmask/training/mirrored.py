"""What several devices that train side by side need beyond Keras, so that they do as one would.

Each has a copy of the network; all take a step together, on the sum of their gradients. Keras
looks at gradients before they are summed: by each device's own part it would shorten them, and
would skip a step that overflowed float16 on one device only there. And batch normalization's
running averages stay those of the first device.
"""

from __future__ import annotations

import keras
import tensorflow as tf


def count_devices() -> int:
    """Returns how many devices share a step where this is called, 1 outside any strategy."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def share_out(batches: tf.data.Dataset, strategy: tf.distribute.Strategy):
    """Returns the batches dealt to the devices of `strategy`, with weights, for `Model.fit`.

    The first device takes the first picture of a batch, the second the second, and so on in
    turn, so that self-blended fakes meet the reals they were made from. Where a batch cannot be
    dealt evenly, weights make the mean over the devices that over all pictures; where it has
    fewer pictures than there are devices, some are dealt twice.

    Args:
        batches: `(uint8 [b, side, side, 3], float32 [b, 1])`.
        strategy: of several devices.
    """
    devices = strategy.num_replicas_in_sync

    def deal(pictures, labels):
        count = tf.shape(labels)[0]
        dealt = tf.maximum(count, devices)
        hands = []
        for place in range(devices):
            chosen = tf.range(place, dealt, devices) % count
            share = tf.cast(devices * tf.size(chosen), tf.float32) / tf.cast(dealt, tf.float32)
            weights = tf.fill([tf.size(chosen), 1], share)
            hands.append((tf.gather(pictures, chosen), tf.gather(labels, chosen), weights))
        return tuple(hands)

    def one_by_one(*hands):
        singles = [tf.data.Dataset.from_tensors(hand) for hand in hands]
        for single in singles[1:]:
            singles[0] = singles[0].concatenate(single)
        return singles[0]

    hands = batches.map(deal).flat_map(one_by_one).prefetch(2 * devices)
    return strategy.distribute_datasets_from_function(lambda context: hands)


class AgreedLossScale(keras.optimizers.LossScaleOptimizer):
    """Keras' loss scaling, with all devices skipping a step that overflowed on any of them."""

    def apply(self, grads, trainable_variables=None):
        """Takes a step on gradients that are no numbers anywhere as soon as one is not."""
        local = [gradient for gradient in grads if gradient is not None]
        wrong = 1.0 - tf.cast(self.check_finite(local), tf.float32)
        context = tf.distribute.get_replica_context()
        wrong = context.all_reduce(tf.distribute.ReduceOp.SUM, wrong)
        factor = tf.where(wrong > 0.0, float("nan"), 1.0)
        agreed = [
            None if gradient is None else gradient * tf.cast(factor, gradient.dtype)
            for gradient in grads
        ]
        super().apply(agreed, trainable_variables)


class ClippedTogether:
    """Mixed into a Keras optimizer: gradients are summed over the devices before clipping.

    Keras sums them once more, so each device hands on its share of the sum; the norm to clip at
    is to be a device's share as well.
    """

    def apply(self, grads, trainable_variables=None):
        """Takes a step on this device's share of the sum of all gradients."""
        context = tf.distribute.get_replica_context()
        known = [gradient for gradient in grads if gradient is not None]
        summed = iter(context.all_reduce(tf.distribute.ReduceOp.MEAN, known))
        shares = [None if gradient is None else next(summed) for gradient in grads]
        super().apply(shares, trainable_variables)


class ReplicaSeeds(keras.random.SeedGenerator):
    """Draws other numbers on each device; on one device the numbers Keras draws."""

    def next(self, ordered: bool = True):
        """Returns the seed of the next draw."""
        seed = super().next(ordered)
        context = tf.distribute.get_replica_context()
        if context is None or context.num_replicas_in_sync == 1:
            return seed
        place = tf.cast(context.replica_id_in_sync_group, seed.dtype)
        return seed + tf.stack([place * 1_000_003, tf.zeros_like(place)])


class AverageCopies(keras.callbacks.Callback):
    """Makes what each device counted by itself the mean over them after an epoch.

    These are the running averages of batch normalization. Comes before all that looks at the
    network.
    """

    def on_epoch_end(self, epoch, logs=None):
        """Gives all devices the mean of their copies."""
        for variable in self.model.non_trainable_variables:
            copies = getattr(variable.value, "values", ())
            if len(copies) > 1 and variable.dtype.startswith("float"):
                variable.assign(tf.add_n([tf.identity(copy) for copy in copies]) / len(copies))
