"""A recipe is one training, whichever way it is written down."""

from dataclasses import fields
from pathlib import Path

import pytest
import yaml
from unmask.errors import UsageError
from unmask.runs import sha256_file
from unmask.suite.notebook_parameters import read_parameters
from unmask.training.recipe import Recipe, plan_training, read_recipe
from unmask.training.settings import Phase, TrainingSettings

ROOT = Path(__file__).parents[2]
SHAPE = (32, 32, 3)
OF_THE_RUN = {"run_folder", "label", "seeds", "threshold_rule", "resamples"}


def test_what_a_recipe_leaves_out_is_as_in_the_notebook_of_one_architecture():
    parameters = read_parameters(ROOT / "notebooks/07_architecture.ipynb")
    defaults = {name: each.default for name, each in parameters.items() if name not in OF_THE_RUN}
    assert read_recipe(defaults) == Recipe(network="lenet")
    # It offers everything that a recipe has.
    assert {each.name for each in fields(Recipe)} == set(defaults)
    settings = plan_training(read_recipe({"network": "lenet"}), SHAPE, "small", "ablation").settings
    assert (settings.epochs, settings.learning_rate, settings.patience) == (12, 3e-4, 4)
    assert settings.method == "gradient" and settings.phases == ()
    plain = TrainingSettings()
    for name in ("clip_norm", "adversarial_steps", "schedule", "augmentations", "precision"):
        assert getattr(settings, name) == getattr(plain, name)


def test_the_profile_takes_apart_the_very_recipe_that_it_trains():
    steps = yaml.safe_load((ROOT / "params/best.yaml").read_text())["steps"]
    shared = {name: value for name, value in steps["architecture"].items() if name != "networks"}
    trained = [
        read_recipe({"network": name, **shared, **own})
        for name, own in steps["architecture"]["networks"].items()
    ]
    assert read_recipe(steps["ablation"]["recipe"]) in trained


def test_pretrained_weights_are_trained_in_two_phases(tmp_path):
    file = tmp_path / "some.weights.h5"
    file.write_bytes(b"weights")
    values = {"network": "meso4", "weights": str(file), "learning_rate": "1e-4", "epochs": 3}
    recipe = read_recipe({**values, "head_epochs": 2, "fine_tune": "last_stage"})
    plan = plan_training(recipe, SHAPE, "meso4", "ablation")
    assert plan.settings.plan() == (Phase("head", 2, 1e-3), Phase("last_stage", 3, 1e-4))
    assert plan.settings.initial_weights == sha256_file(file)
    assert "weights of some.weights.h5" in plan.member.architecture


def test_a_plan_is_built_for_crops_and_says_what_it_is():
    recipe = read_recipe({"network": "two_block", "crop": 16, "options": {"dropout": 0.5}})
    plan = plan_training(recipe, SHAPE, "cropped", "architecture_cropped")
    assert plan.member.build(1).input_shape == (None, 16, 16, 3)
    assert plan.member.architecture.endswith("; random weights, dropout 0.5")
    assert (plan.member.name, plan.member.step) == ("cropped", "architecture_cropped")
    features = plan_training(read_recipe({"network": "thumbnail"}), SHAPE, "t", "ablation")
    assert features.settings.method == "linear_head"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"epochs": 3}, "names no network"),
        ({"network": "lenet", "phases": []}, "nothing called 'phases'"),
        ({"network": "lenet", "epochs": 2.5}, "epochs of a recipe cannot be 2.5"),
        ({"network": "lenet", "mixup": True}, "mixup of a recipe cannot be True"),
        ({"network": "lenet", "augmentations": "flip"}, "augmentations of a recipe"),
        ({"network": "lenet", "options": 3}, "options of a recipe cannot be 3"),
        ({"network": "two_block", "crop": 64}, "Crops of 64 pixels do not fit into faces of 32"),
        ({"network": "thumbnail", "adversarial": 2.0}, "A linear head is fitted"),
    ],
)
def test_a_recipe_that_cannot_be_trained_is_refused(values, words):
    with pytest.raises(UsageError, match=words):
        plan_training(read_recipe(values), SHAPE, "small", "ablation")
