import pytest
from tiny_home import make_home, run_all
from unmask.errors import UsageError
from unmask.suite.notebook_parameters import read_parameters
from unmask.suite.plan import select_steps
from unmask.suite.profiles import load_profile


@pytest.fixture
def home(tmp_path, monkeypatch):
    home = make_home(tmp_path / "home")
    monkeypatch.setenv("UNMASK_HOME", str(home))
    return home


def usage_error(*overrides: str, profile: str = "demo") -> str:
    with pytest.raises(UsageError) as caught:
        load_profile(profile, list(overrides))
    return str(caught.value)


def test_parameters_are_read_with_type_default_help_and_choices(home):
    parameters = read_parameters(home / "notebooks/01_download.ipynb")
    assert list(parameters) == ["run_folder", "source", "root", "amount", "rate", "fail"]
    assert parameters["amount"].default == 1
    assert parameters["amount"].kinds == ("int",)
    assert parameters["rate"].help == "a rate"
    assert parameters["source"].choices == ("demo", "folder", "kaggle")


def test_a_folder_that_is_no_project_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("UNMASK_HOME", str(tmp_path))
    assert f"There are no profiles in {tmp_path / 'params'}." in usage_error()


def test_overrides_are_applied_with_yaml_types(home):
    step = load_profile("demo", ["download.amount=7", "download.rate=1e-3"]).step("download")
    assert step.values["amount"] == 7
    assert step.values["rate"] == 0.001
    assert step.changed == ("amount", "rate")
    assert step.values["run_folder"] == "runs/demo"


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("downlaod.amount=1", "Did you mean 'download'?"),
        ("download.amuont=1", "Did you mean 'amount'?"),
        ("download.amount=many", "'many' is str, expected int"),
        ("download.amount=true", "True is bool, expected int"),
        ("download.source=demoo", "'demoo' is not one of: demo, folder, kaggle"),
        ("download", "--set STEP.PARAMETER=VALUE"),
        ("preprocess.names=[]", "the list is empty"),
        ("preprocess.pause=-1", "-1 is not a number of at least 0"),
        ("download.rate=.nan", "nan is not a number of at least 0"),
        ("report.resamples=0", "0 is not at least 1"),
        ("preprocess.names=[one, one]", "names something twice"),
        ("preprocess.names=[thre]", "Did you mean 'three'?"),
    ],
)
def test_a_wrong_override_names_the_nearest(home, override, words):
    assert words in usage_error(override)


def test_a_wrong_profile_names_the_nearest(home):
    assert "Did you mean 'demo'?" in usage_error(profile="dmeo")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("titel: x\nsteps: {download: {}}", "unknown key 'titel'. Did you mean 'title'?"),
        ("steps: {downlod: {}}", "Did you mean 'download'?"),
        ("steps: {download: {amont: 3}}", "Did you mean 'amount'?"),
        ("steps: {preprocess: {}}", "needs 'download'"),
        ("steps: [", "not valid YAML"),
        ("", "empty or no mapping"),
        ("steps: {}", "names no steps"),
        ("steps: {report: {}}", "needs 'preprocess'"),
        ("steps: {download: 5}", "the step 'download' is 5, not parameters"),
        ("title: [1]\nsteps: {download: {}}", "title and question must be text"),
    ],
)
def test_a_wrong_profile_file_is_told(home, text, words):
    (home / "params/bad.yaml").write_text(text)
    assert words in usage_error(profile="bad")


def test_a_profile_that_is_no_utf_8_is_told(home):
    (home / "params/bad.yaml").write_bytes(b"title: \xff\xfe")
    assert "not valid YAML in UTF-8" in usage_error(profile="bad")


def test_a_profile_is_a_name_and_no_path(home):
    assert "There is no profile" in usage_error(profile="../params/demo")


def test_text_is_taken_as_it_was_typed(home):
    values = load_profile("demo", ["download.root=2024", "download.fail=Is it: real?"])
    assert values.step("download").values["root"] == "2024"
    assert values.step("download").values["fail"] == "Is it: real?"


def test_the_question_of_a_profile_reaches_the_notebook(home):
    (home / "params/asks.yaml").write_text(
        "question: Is it?\nsteps: {download: {}, preprocess: {}, report: {}}"
    )
    assert load_profile("asks").step("report").values["question"] == "Is it?"


def test_a_profile_says_how_many_steps_run_side_by_side(home):
    path = home / "params/asks.yaml"
    path.write_text("jobs: 2\nsteps: {download: {}}")
    assert (load_profile("asks").jobs, load_profile("demo").jobs) == (2, 1)
    path.write_text("jobs: two\nsteps: {download: {}}")
    with pytest.raises(UsageError, match="jobs is 'two'"):
        load_profile("asks")


def test_only_does_not_go_with_from(home):
    with pytest.raises(UsageError, match="does not go together"):
        select_steps(load_profile("demo"), ["report"], "download", "")


def test_steps_are_selected_by_only_from_and_until(home):
    profile = load_profile("demo")
    assert select_steps(profile, ["report", "download"], "", "") == ["download", "report"]
    assert select_steps(profile, [], "preprocess", "") == ["preprocess", "report"]
    assert select_steps(profile, [], "", "preprocess") == ["download", "preprocess"]
    with pytest.raises(UsageError, match="comes after"):
        select_steps(profile, [], "report", "download")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--profile", "dmeo"),
        ("--set", "download.amuont=1"),
        ("--only", "reprot"),
        ("--until", "nothing"),
        ("--jobs", "0"),
        ("--forse",),
        ("--only", "report"),
        ("--set", "download.source=folder"),
        ("--set", "download.source=folder", "--set", "download.root=no/such/folder"),
    ],
)
def test_a_wrong_command_ends_with_2_before_any_work(home, arguments):
    result = run_all(home, *arguments)
    assert result.returncode == 2, result.stdout + result.stderr
    assert result.stderr.strip()
    assert not (home / "runs").exists()


def test_list_names_profiles_steps_and_parameters_without_tensorflow(home):
    result = run_all(home, "--list")
    assert result.returncode == 0
    for words in ("demo", "preprocess", "amount = 1  (a number)"):
        assert words in result.stdout
