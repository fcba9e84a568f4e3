"""--workers is a parameter of the search, which changes its speed and nothing else."""

import pytest
from unmask.suite.command_line import main
from unmask.suite.fingerprint import step_key
from unmask.suite.profiles import load_profile


def test_the_number_of_workers_does_not_make_another_step():
    steps = [
        load_profile("smoke", overrides).step("hp_search")
        for overrides in ([], ["hp_search.workers=3"], ["hp_search.trials=3"])
    ]
    assert [step.values["workers"] for step in steps] == [1, 3, 1]
    one, three, other = (step_key(step, {}) for step in steps)
    assert one == three != other


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--profile", "smoke", "--workers", "0"], "--workers 0 is not possible"),
        (["--profile", "learn", "--workers", "2"], "which the profile 'learn' lacks"),
        (["--profile", "smoke", "--set", "hp_search.network=lenett"], "Did you mean 'lenet'"),
    ],
)
def test_what_is_not_possible_is_said_before_work_starts(arguments, words, capsys):
    assert main([*arguments, "--dry-run"]) == 2
    assert words in capsys.readouterr().err


def test_workers_are_taken_by_a_profile_that_searches(capsys):
    assert main(["--profile", "grid", "--workers", "2", "--list"]) == 0
    assert "* workers = 2" in capsys.readouterr().out
