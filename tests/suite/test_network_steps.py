"""A profile's list of networks: one step, one folder and one page for each."""

import json

import pytest
from tiny_home import make_home, run_all
from unmask.errors import UsageError
from unmask.runs import write_json
from unmask.suite.networks import check_networks, detector_steps, expand
from unmask.suite.plan import SKIPPED, check_needs, select_steps, still_stands
from unmask.suite.profiles import load_profile, profile_names

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
    for typed in ("[two_block]", "two_block"):
        listed = load_profile("many", [f"architecture.networks={typed}"])
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
        ("architecture.networks=[two_block", "'[two_block' is no list of networks"),
        ("architecture.networks=two_blok", "Did you mean 'two_block'?"),
        ("architecture.networks=", "names no networks"),
        ("architecture.networks={two_block: 0}", "the network 'two_block' is not understood"),
        ("architecture.networks=[cluster]", "no network can be called 'cluster'"),
        ("architecture.network=vgg16", "--set 'architecture.networks=[vgg16]'"),
        ("architecture.label=one", "'label' cannot be shared by all networks"),
        ("architecture_wide.label=one", "'wide' is given another label, 'one'"),
        ("architecture_resnet50.network=vgg16", "'vgg16' under another network's name"),
        ("ensemble.steps=[architectur, resnet50]", "Did you mean 'architecture'?"),
        ("ensemble.steps=[resnet50]", "no step 'resnet50' whose detectors could be read"),
        ("ensemble.steps=[ensemble]", "no step 'ensemble' whose detectors could be read"),
        ("architecture_wide.network=four_blok", "Did you mean 'four_block'?"),
        ("architecture_wide.epoch=1", "Did you mean 'epochs'?"),
        ("architecture_wid.epochs=1", "no step 'architecture_wid'"),
    ],
)
def test_wrong_networks_are_refused_before_any_work(home, override, words):
    with pytest.raises(UsageError) as caught:
        load_profile("many", [override])
    assert words in str(caught.value)


def test_steps_named_are_read_and_no_others(home):
    profile = load_profile("many", ["ensemble.steps=[architecture_wide]"])
    assert profile.step("ensemble").values["steps"] == ["architecture_wide"]


def test_a_step_is_never_given_an_empty_list_of_steps():
    settings = {"preprocess": {}, "architecture_lenet": {}, "ensemble": {}}
    assert detector_steps("stress", [], [], settings, "") == ["architecture_lenet", "ensemble"]
    assert detector_steps("ensemble", [], [], settings, "") == ["architecture_lenet"]
    wrong = [
        ("report", [], [], {"preprocess": {}}),
        ("stress", [], [], {"ensemble": {}}),
        ("report", ["ensemble"], [], settings),
        ("ensemble", [], ["resnet50"], settings),
    ]
    for step, named, default, of_profile in wrong:
        with pytest.raises(UsageError, match="needs a trained detector"):
            detector_steps(step, named, default, of_profile, "")


def test_an_ensemble_of_one_is_refused_where_it_is_asked_for(home):
    profile = load_profile("many", ["architecture.networks=[two_block]"])
    check_needs(profile, ["download", "preprocess", "architecture_two_block"])
    with pytest.raises(UsageError, match="gives it one \\(architecture_two_block\\)"):
        check_needs(profile, [step.name for step in profile.steps])


def test_two_networks_of_one_step_are_an_ensemble(monkeypatch):
    monkeypatch.delenv("UNMASK_HOME", raising=False)
    one_step = ["ensemble.steps=[baseline_cnn]"]
    smoke = load_profile("smoke", one_step)
    asked = [step.name for step in smoke.steps if step.name != "report"]
    check_needs(smoke, asked)
    alone = load_profile("smoke", [*one_step, "baseline_cnn.networks=[two_block]"])
    with pytest.raises(UsageError, match="gives it one"):
        check_needs(alone, asked)


@pytest.mark.parametrize(
    ("step", "values", "words"),
    [
        ("hp_search", {"network": "lenett"}, "Did you mean 'lenet'?"),
        ("ablation", {"recipe": {"network": "trace"}}, "Did you mean 'traces'?"),
        ("ablation", {"recipe": {"copies": 1}}, "the recipe names no network"),
        ("ablation", {"changes": {"x": {"network": "trace"}}}, "change 'x': there is no detector"),
        ("ablation", {"changes": {"x": 3}}, "the change 'x' is 3, not parameters"),
        ("ablation", {"changes": {"x": None}}, "the change 'x' is None, not parameters"),
    ],
)
def test_networks_that_a_search_or_an_ablation_names_must_exist(step, values, words):
    good = {"hp_search": {"network": "lenet"}, "ablation": {"recipe": {"network": "traces"}}}[step]
    check_networks(step, good, "here")
    with pytest.raises(UsageError) as caught:
        check_networks(step, {**good, **values}, "here")
    assert words in str(caught.value)


def test_every_profile_of_the_project_can_be_read(monkeypatch):
    monkeypatch.delenv("UNMASK_HOME", raising=False)
    for name in profile_names():
        profile = load_profile(name)
        for step in profile.steps:
            assert step.values.get("steps") != []


def test_a_network_gets_a_folder_and_a_page_of_its_own(home):
    # The step before counts as finished: one kernel starts instead of four.
    before = home / "runs/many/preprocess"
    before.mkdir(parents=True)
    (before / "done.json").write_text('{"outputs": {}, "sizes": {}, "seconds": 1}')
    result = run_all(home, "--profile", "many", "--only", "architecture_wide")
    assert result.returncode == 0, result.stdout + result.stderr
    done = json.loads((home / "runs/many/architecture_wide/done.json").read_text())
    assert list(done["outputs"]) == ["member/member.json"]
    ran = sorted(path.name for path in (home / "runs/many").iterdir() if path.is_dir())
    assert ran == ["architecture_wide", "preprocess"]
    pages = [path.name for path in (home / "reports/many").glob("07_*")]
    assert pages == ["07_architecture_wide.html"]
    page = (home / "reports/many" / pages[0]).read_text()
    assert "<h1>wide: Tiny 07_architecture</h1>" in page


def test_what_trains_runs_in_the_order_of_the_profile():
    first = {"networks": ["lenet", "traces"]}
    rest = {"resnet50": {}, "ensemble": {}, "baseline_cnn": {}, "preprocess": {}, "download": {}}
    assert list(expand({"architecture": first, **rest}, "")) == [
        "download", "preprocess", "architecture_lenet", "architecture_traces", "resnet50",
        "baseline_cnn", "ensemble",
    ]  # fmt: skip


def test_a_step_waits_for_the_detectors_that_it_reads_and_no_others(home):
    profile = load_profile("many", ["ensemble.steps=[architecture_wide]"])
    assert profile.step("ensemble").needs == ("preprocess", "architecture_wide")


def test_a_training_skipped_for_want_of_a_file_stands_until_the_file_is_there(home):
    profile = load_profile("many")
    step = profile.step("download")
    assert run_all(home, "--profile", "many", "--only", "download").returncode == 0
    assert still_stands(step, profile.run_folder)
    missing = home / "weights.h5"
    write_json(profile.run_folder / "download" / SKIPPED, {"why": "", "missing": str(missing)})
    assert still_stands(step, profile.run_folder)
    missing.write_bytes(b"")
    assert not still_stands(step, profile.run_folder)
