"""Which files the demo consists of: who is in them, who forged them, what they are called."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

TRAINED_ON = ("face_swap", "self_blend")
HELD_OUT = "reenactment"
HELD_OUT_SHARE = 1 / 8


@dataclass(frozen=True)
class Item:
    """A file of the demo: `number` is the picture or clip of `identity` that it shows."""

    path: str
    kind: str
    generator: str
    identity: int
    number: int

    @property
    def label(self) -> int:
        return int(self.generator != "real")

    @property
    def group(self) -> str:
        return f"pair_{self.identity // 2:03d}"


def plan_items(identities: int, pictures: int, clips: int, seed: int) -> list[Item]:
    """Returns every file of the demo, pair by pair, the clips last.

    Each identity has `pictures` real and as many fake pictures, in slots that are shuffled per
    identity: neither a file's name nor its number tells the class.
    """
    held_out = held_out_pairs(identities // 2, seed)
    items = []
    for identity in range(identities):
        forgers = (HELD_OUT,) if identity // 2 in held_out else TRAINED_ON
        slots = np.random.default_rng([seed, identity, 0, 1]).permutation(2 * pictures)
        names = {int(slot): "real" for slot in slots[:pictures]}
        for turn, slot in enumerate(slots[pictures:]):
            names[int(slot)] = forgers[(turn + identity) % len(forgers)]
        for slot in range(2 * pictures):
            path = f"raw/{names[slot]}/p{identity:04d}_{slot:02d}.jpg"
            items.append(Item(path, "image", names[slot], identity, slot))
    return items + _clips(identities // 2, pictures, clips, seed, held_out)


def held_out_pairs(pairs: int, seed: int) -> set[int]:
    """Returns the pairs whose fakes come from the generator that training never sees."""
    if pairs < 2:
        return set()
    count = max(1, round(pairs * HELD_OUT_SHARE))
    order = np.random.default_rng([seed, 2**20]).permutation(pairs)
    return {int(pair) for pair in order[:count]}


def _clips(pairs: int, pictures: int, clips: int, seed: int, held_out: set[int]) -> list[Item]:
    """Clips, real and fake in turn, two to a pair, over pairs in shuffled order."""
    order = np.random.default_rng([seed, 2**20 + 1]).permutation(pairs)
    items = []
    for clip in range(clips):
        pair = int(order[clip // 2 % pairs])
        fake = clip % 2 == 1
        identity = 2 * pair + (clip // 2 + int(fake)) % 2
        forger = HELD_OUT if pair in held_out else "face_swap"
        number = 2 * pictures + clip
        path = f"raw/clips/p{identity:04d}_{number - 2 * pictures:02d}.mp4"
        items.append(Item(path, "video", forger if fake else "real", identity, number))
    return items
