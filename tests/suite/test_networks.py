"""A profile's list of networks: one step, one folder and one page for each."""

import json

import pytest
from tiny_home import make_home, run_all
from unmask.errors import UsageError
from unmask.suite.plan import select_steps
from unmask.suite.profiles import load_profile

STEPS = ["download", "preprocess", "architecture_resnet50", "architecture_wide", "ensemble"]


@pytest.fixture
def home(tmp_path, monkeypatch):
    home = make_home(tmp_path / "home")
    monkeypatch.setenv("UNMASK_HOME", str(home))
    return home


def test_each_network_becomes_a_step_in_order(home):
    profile = load_profile("many")
    assert [step.name for step in profile.steps] == STEPS
    first, second = profile.steps[2:4]
    assert (first.label, first.values["network"], first.values["epochs"]) == (
        "resnet50", "resnet50", 1,
    )  # fmt: skip
    assert (second.label, second.values["network"], second.values["epochs"]) == (
        "wide", "four_block", 3,
    )  # fmt: skip
    assert first.notebook == second.notebook
    assert profile.step("ensemble").needs == ("preprocess", *STEPS[2:4])


def test_only_steps_of_the_profile_take_part_in_an_ensemble(home):
    assert load_profile("many").step("ensemble").values["steps"] == STEPS[2:4]


def test_overrides_reach_all_networks_or_one(home):
    both = load_profile("many", ["architecture.epochs=7"])
    assert [step.values["epochs"] for step in both.steps[2:4]] == [7, 3]
    one = load_profile("many", ["architecture_resnet50.epochs=9"])
    assert [step.values["epochs"] for step in one.steps[2:4]] == [9, 3]
    listed = load_profile("many", ["architecture.networks=[two_block]"])
    assert [step.name for step in listed.steps[2:3]] == ["architecture_two_block"]


def test_a_kind_of_step_means_all_of_it(home):
    profile = load_profile("many")
    assert select_steps(profile, ["architecture"], "", "") == STEPS[2:4]
    assert select_steps(profile, ["architecture_wide"], "", "") == STEPS[3:4]
    assert select_steps(profile, [], "architecture", "architecture") == STEPS[2:4]
    assert select_steps(profile, [], "", "architecture") == STEPS[:4]


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("architecture.networks=[resnet5]", "Did you mean 'resnet50'?"),
        ("architecture.networks=[]", "names no networks"),
        ("architecture.networks=[two_block, two_block]", "names a network twice"),
        ("architecture.networks={Two Block: {}}", "a label of small letters"),
        ("architecture_wide.network=four_blok", "Did you mean 'four_block'?"),
        ("architecture_wide.epoch=1", "Did you mean 'epochs'?"),
        ("architecture_wid.epochs=1", "no step 'architecture_wid'"),
    ],
)
def test_wrong_networks_are_refused_before_any_work(home, override, words):
    with pytest.raises(UsageError, match=words.replace("?", r"\?")):
        load_profile("many", [override])


def test_every_network_gets_its_folder_and_its_page(home):
    result = run_all(home, "--profile", "many", "--until", "architecture")
    assert result.returncode == 0, result.stdout + result.stderr
    for name in STEPS[2:4]:
        done = json.loads((home / "runs/many" / name / "done.json").read_text())
        assert done["outputs"]
        label = name.removeprefix("architecture_")
        page = (home / "reports/many" / f"07_architecture_{label}.html").read_text()
        assert f"<h1>{label}: Tiny 07_architecture</h1>" in page
