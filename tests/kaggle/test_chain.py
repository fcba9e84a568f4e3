"""Which kernels a profile becomes, what each reads and runs on, and what cannot run there."""

import ast
import json
import re
from dataclasses import replace
from pathlib import Path

import kaggle_home
import pytest
from slugify import slugify
from unmask.errors import UsageError
from unmask.kaggle.chain import LONGEST, MOST_PARTS, make_chain, step_keys
from unmask.kaggle.internet import PRETRAINED, Attached, check_chain
from unmask.suite.profiles import load_profile

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def profile(tmp_path, monkeypatch):
    monkeypatch.setenv("UNMASK_HOME", str(kaggle_home.make_home(tmp_path / "home")))
    return lambda *overrides: load_profile("tiny", list(overrides))


@pytest.fixture
def real(monkeypatch):
    """Loads a profile of the project itself."""
    monkeypatch.setenv("UNMASK_HOME", str(REPOSITORY))
    return lambda name, *overrides: load_profile(name, list(overrides))


def chain(profile, **attached):
    return {kernel.steps[0]: kernel for kernel in make_chain(profile, "ada", Attached(**attached))}


def test_each_kernel_reads_all_that_its_step_builds_on(real):
    kernels = chain(real("stylegan"))
    assert kernels["download"].needs == ()
    assert kernels["baseline_cnn"].needs == (
        "unmask-stylegan-download",
        "unmask-stylegan-preprocess",
        "unmask-stylegan-audit",
    )
    assert len(kernels["report"].needs) == len(kernels) - 1
    data = "kshitizbhargava/deepfake-face-images/1"
    datasets = ("ada/unmask-code", "ada/unmask-packages", data)
    assert {kernel.datasets for kernel in kernels.values()} == {datasets}


def test_trainings_and_stress_get_gpus_and_nothing_else(real):
    kernels = chain(real("smoke"))
    on_gpu = [step for step, kernel in kernels.items() if kernel.gpu]
    assert on_gpu == [
        *("baseline_cnn", "hp_search", "resnet50", "architecture_lenet", "architecture_counts"),
        *("stress", "ablation"),
    ]
    assert {kernels[step].machine_shape for step in on_gpu} == {"NvidiaTeslaT4"}
    shapes = [
        {kernel.machine_shape for kernel in make_chain(real("smoke"), "ada", accelerator=name)}
        for name in ("p100", "none")
    ]
    assert shapes == [{"NvidiaTeslaP100", ""}, {""}]


def test_the_network_is_on_only_where_something_is_fetched(real):
    def wanting(profile, **attached):
        kernels = chain(profile, **attached)
        return {step: list(each.internet) for step, each in kernels.items() if each.internet}

    profile = real("stylegan")
    weights, finder = ["ImageNet weights"], ["YuNet, which finds faces"]
    assert wanting(profile) == {"preprocess": finder, "resnet50": weights, "report": finder}
    assert wanting(profile, yunet=True) == {"resnet50": weights}
    assert wanting(profile, weights="ada/weights") == {}
    assert set(wanting(profile, packages=False)) == set(chain(profile))
    random = real("stylegan", "resnet50.weights=random", "preprocess.face_finder=mtcnn")
    assert wanting(random) == {}
    networks = real("smoke", "architecture.networks={lenet: {}, vgg16: {}}")
    assert wanting(networks, yunet=True) == {"architecture_vgg16": weights}
    recipe = "ablation.recipe={network: thumbnail}"
    changed = real("smoke", recipe, "ablation.changes={pretrained: {network: convnext_tiny}}")
    assert wanting(changed, yunet=True) == {"ablation": weights}


def test_the_networks_with_published_weights_are_all_known():
    source = (REPOSITORY / "lib/unmask/detectors/pretrained.py").read_text()
    published = next(
        node.value
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign) and node.targets[0].id == "PUBLISHED"
    )
    assert {key.value for key in published.keys} == set(PRETRAINED)


def test_weights_are_attached_as_what_they_are(profile):
    model = "google/resnet/keras/notop/2"
    assert {each.models for each in chain(profile(), weights=model).values()} == {(model,)}
    kernels = chain(profile(), weights="ada/weights/3").values()
    assert {each.models for each in kernels} == {()}
    assert all("ada/weights/3" in each.datasets for each in kernels)


def test_kaggle_makes_our_slugs_of_our_titles(profile):
    odd = ["tiny", "140k", "My_Profile", "a profile with many words and much to say about them"]
    slugs = []
    for name in odd:
        kernels = make_chain(replace(profile(), name=name), "ada")
        parts = [each.part(number) for each in kernels for number in (1, MOST_PARTS)]
        slugs += [slug for slug, _ in parts]
        assert all(slugify(title) == slug and len(title) <= LONGEST for slug, title in parts)
    assert len(set(slugs)) == len(slugs) == 2 * 4 * len(odd)
    assert slugs[:2] == ["unmask-tiny-download", "unmask-tiny-download-part-6"]
    assert "unmask-tiny-baseline-cnn" in slugs


def test_networks_whose_names_differ_in_underscores_get_kernels_of_their_own(real):
    two = real("smoke", "architecture.networks={a_b: {network: lenet}, a__b: {network: lenet}}")
    slugs = [each.slug for each in make_chain(two, "ada")]
    assert len(set(slugs)) == len(slugs)


def test_one_kernel_may_run_all_steps(profile):
    (kernel,) = make_chain(profile(), "ada", single=["download", "preprocess", "baseline_cnn"])
    assert (kernel.slug, kernel.needs, kernel.gpu) == ("unmask-tiny-suite", (), True)
    assert kernel.steps == ("download", "preprocess", "baseline_cnn")


def test_a_key_changes_with_what_its_step_depends_on(profile):
    plain = step_keys(profile())
    changed = step_keys(profile("baseline_cnn.shift=0.5"))
    assert [step for step in plain if plain[step] != changed[step]] == ["baseline_cnn", "report"]
    notebook = profile().step("preprocess").notebook
    content = json.loads(notebook.read_text())
    content["cells"][-1]["source"] += "\nprint('more')"
    notebook.write_text(json.dumps(content))
    edited = step_keys(profile())
    assert [step for step in plain if plain[step] == edited[step]] == ["download"]


def test_a_key_does_not_change_with_speed(real):
    assert step_keys(real("smoke")) == step_keys(real("smoke", "download.jobs=7"))


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["download.source=folder"], "download.source=kaggle download.handle=OWNER/SLUG"),
        (["download.source=kaggle", "download.handle=faces"], "owner/slug"),
        (["resnet50.weights=weights.h5"], "upload it as a dataset"),
        (["stress.other=[data/more]"], "stress.other names 'data/more'"),
        (["stress.reals=data/reals"], "stress.reals names"),
    ],
)
def test_files_of_this_machine_are_refused(real, overrides, words):
    profile = real("smoke", *overrides)
    with pytest.raises(UsageError, match=re.escape(words)):
        check_chain(profile, [step.name for step in profile.steps])


def test_steps_that_are_not_asked_may_be_what_they_are(real):
    check_chain(real("smoke", "stress.other=[data/more]"), ["download", "preprocess"])
    below = "stress.other=[/kaggle/input/datasets/ada/more]"
    check_chain(real("smoke", below), ["stress"], "google/resnet/keras/notop/2")


@pytest.mark.parametrize("weights", ["weights.h5", "a/b/c", "a/b/c/d/e", "a/b/1/2", "../b"])
def test_weights_must_be_a_dataset_or_a_model(profile, weights):
    with pytest.raises(UsageError, match="neither a dataset nor a model"):
        check_chain(profile(), ["download"], weights)
