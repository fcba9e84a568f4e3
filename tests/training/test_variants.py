"""Variants of a recipe: what changes, what is refused, and scores after one more save."""

import keras
import numpy as np
import pandas as pd
import pytest
from unmask import detectors
from unmask.errors import DataError, UsageError
from unmask.training.augmentation.codecs import through_jpeg
from unmask.training.variants import make_variants, resaved_scores

SHAPE = (32, 32, 3)
RECIPE = {"network": "lenet", "epochs": 3, "augmentations": ["flip", "jpeg"], "augment": 0.5}


def test_the_recipe_comes_first_and_a_variant_differs_in_what_it_says():
    changes = {"no augmentation": {"augment": 0.0}, "features": {"network": "thumbnail"}}
    whole, plain, features = make_variants(RECIPE, changes, SHAPE, "ablation")
    assert whole.title == "the whole recipe" and whole.member.name == "variant_0"
    assert (whole.settings.epochs, whole.settings.augment) == (3, 0.5)
    assert whole.settings.augmentations == ("flip", "jpeg")
    assert (plain.settings.augment, plain.settings.epochs) == (0.0, 3)
    assert whole.settings.method == "gradient" and features.settings.method == "linear_head"
    assert features.member.build(1).name == "thumbnail"
    assert "no augmentation" in plain.member.architecture


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (3, "In the variant 'wrong': What changes must be given by its name, not as 3"),
        ({"phases": 2}, "nothing called 'phases'"),
        ({"options": {"zzz": 1}}, "has no option 'zzz'"),
        ({"crop": 500}, "Crops of 500 pixels do not fit"),
        ({"network": "frequency_net", "adversarial": 2.0}, "no slope by the pixels"),
        ({"epoch": 3}, "Did you mean 'epochs'"),
        ({"network": "lenett"}, "Did you mean 'lenet'"),
        ({"augmentations": ["jpg"]}, "Did you mean 'jpeg'"),
    ],
)
def test_what_is_not_known_is_refused_with_the_nearest(changed, words):
    with pytest.raises(UsageError, match=words):
        make_variants(RECIPE, {"wrong": changed}, SHAPE, "ablation")


@pytest.mark.parametrize(
    ("recipe", "changes", "words"),
    [
        ({"epochs": 3}, {}, "In the variant 'the whole recipe': The recipe names no network"),
        (RECIPE, {"the whole recipe": {"augment": 0.0}}, "none is 'the whole recipe'"),
        (RECIPE, ["augment"], "given by titles"),
        ("lenet", {}, "'lenet' is no recipe"),
    ],
)
def test_a_recipe_that_is_none_and_changes_without_titles_are_refused(recipe, changes, words):
    with pytest.raises(UsageError, match=words):
        make_variants(recipe, changes, SHAPE, "ablation")


def test_scores_after_one_more_save_are_those_of_the_saved_pictures(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (6, *SHAPE), dtype=np.uint8)
    faces = pd.DataFrame(
        {
            "face_id": list("abcdef"),
            "split": ["train", "val", "val", "test", "test", "unseen"],
            "label": [0, 1, 0, 1, 0, 1],
            "row": np.arange(6),
        }
    )
    models = {}
    for seed in (2, 10):
        keras.utils.set_random_seed(seed)
        models[seed] = detectors.build("lenet", SHAPE)
        (tmp_path / f"seed_{seed}").mkdir()
        models[seed].save(tmp_path / f"seed_{seed}" / "model.keras")
    seeds = [10, 2]
    table = resaved_scores(tmp_path, pixels, faces, 60, seeds=seeds)
    assert list(table["seed"]) == [2] * 4 + [10] * 4
    assert list(table["face_id"]) == list("bcde") * 2
    pictures = np.stack([through_jpeg(pixels[row], 60) for row in (1, 2, 3, 4)])
    for seed, model in models.items():
        expected = model(pictures.astype("float32")).numpy()[:, 0]
        assert np.allclose(table.loc[table["seed"] == seed, "score"], expected, atol=1e-6)
    stamp = (tmp_path / "resaved.parquet").stat().st_mtime_ns
    assert resaved_scores(tmp_path, pixels, faces, 60, seeds=seeds).equals(table)
    assert (tmp_path / "resaved.parquet").stat().st_mtime_ns == stamp
    other = resaved_scores(tmp_path, pixels, faces, 90, seeds=seeds)
    assert not other["score"].equals(table["score"])
    alone = resaved_scores(tmp_path, pixels, faces, 60, seeds=[2])
    assert alone.equals(table[table["seed"] == 2])
    with pytest.raises(DataError, match=r"There is no training at .*seed_3"):
        resaved_scores(tmp_path, pixels, faces, 60, seeds=[2, 3])
