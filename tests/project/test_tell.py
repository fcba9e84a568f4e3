"""What a notebook concludes is kept as it was told."""

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from unmask.runs import read_json
from unmask.tell import alarm_in_words, conclude

ALARM = {"name": "flipped labels", "light": "red", "sentence": "AUC <0.1.", "fix": "turn them."}


@pytest.fixture(autouse=True)
def shell():
    """What a notebook displays through."""
    yield InteractiveShell.instance()
    InteractiveShell.clear_instance()


def test_alarms_are_kept_beside_notices_and_shown_first(tmp_path):
    with capture_output() as captured:
        conclude(tmp_path, ["All <b>good</b>."], ["From random weights."], [ALARM])
    assert read_json(tmp_path / "summary.json") == {
        "sentence": "All <b>good</b>.",
        "sentences": ["All <b>good</b>."],
        "notices": ["From random weights."],
        "alarms": [ALARM],
    }
    (shown,) = captured.outputs
    assert shown.data["text/html"] == (
        "<ul><li>Red alarm, flipped labels: AUC &lt;0.1. To fix: turn them.</li>"
        "<li>All &lt;b&gt;good&lt;/b&gt;.</li></ul>"
    )


def test_alarms_of_other_steps_are_kept_but_not_shown_again(tmp_path):
    with capture_output() as captured:
        conclude(tmp_path, ["Done."], alarms=[{"step": "resnet50", **ALARM}])
    assert read_json(tmp_path / "summary.json")["alarms"][0]["step"] == "resnet50"
    assert captured.outputs[0].data["text/html"] == "<ul><li>Done.</li></ul>"


def test_without_alarms_the_list_is_empty(tmp_path):
    with capture_output():
        conclude(tmp_path, ["Done."])
    assert read_json(tmp_path / "summary.json")["alarms"] == []


@pytest.mark.parametrize("wrong", [{"light": "blue"}, {"fix": None}])
def test_what_is_no_alarm_is_refused(tmp_path, wrong):
    alarm = {key: value for key, value in {**ALARM, **wrong}.items() if value}
    with pytest.raises(ValueError, match="is no alarm: it needs fix, light, name, sentence"):
        conclude(tmp_path, ["Done."], alarms=[alarm])


def test_an_amber_alarm_in_words():
    assert alarm_in_words({**ALARM, "light": "amber"}).startswith("Amber alarm, flipped")
