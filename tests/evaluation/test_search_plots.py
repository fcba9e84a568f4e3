"""What mattered in a search is found where it was planted, and not claimed from few trials."""

import numpy as np
import pandas as pd
import pytest
from unmask.evaluation import plots
from unmask.evaluation.importance import FEWEST, choice_importance

CHOICES = ["head", "learning_rate", "skip", "augment", "fixed"]


def planted_trials(count: int = 36, seed: int = 0) -> pd.DataFrame:
    """Trials whose AUC hangs on the head most, on the learning rate a little, on nothing else."""
    generator = np.random.default_rng(seed)
    trials = pd.DataFrame(
        {
            "trial": [f"{number:02d}" for number in range(count)],
            "head": generator.choice(["flatten", "average"], count),
            "learning_rate": generator.choice([1e-3, 1e-4], count),
            "skip": generator.random(count) < 0.5,
            "augment": generator.choice([0.0, 0.5, 1.0], count),
            "fixed": "same",
            "status": "done",
        }
    )
    trials["val_auc"] = (
        0.7
        + 0.15 * (trials["head"] == "flatten")
        + 0.06 * (trials["learning_rate"] == 1e-3)
        + generator.normal(0, 0.01, count)
    )
    return trials


@pytest.fixture(scope="module")
def found():
    return choice_importance(planted_trials(), CHOICES)


def test_what_mattered_comes_first_and_the_rest_is_not_told_from_chance(found):
    assert list(found.table["choice"][:2]) == ["head", "learning_rate"]
    assert set(found.table["choice"]) == set(CHOICES) - {"fixed"}
    by_name = found.table.set_index("choice")
    assert (by_name.loc[["head", "learning_rate"], "low"] > 0).all()
    assert (by_name.loc[["skip", "augment"], "low"] <= 0).all()
    assert (found.table["low"] <= found.table["importance"]).all()
    assert (found.table["importance"] <= found.table["high"]).all()
    assert found.trials == 36 and found.explained > 0.8
    assert found.sentence.endswith("What mattered beyond chance: head, learning rate.")


def test_few_trials_and_failed_or_stopped_ones_are_no_evidence():
    trials = planted_trials(FEWEST + 2)
    trials.loc[0, "val_auc"] = np.nan
    assert choice_importance(trials, CHOICES).trials == FEWEST + 1
    trials.loc[[1, 2], "status"] = "stopped"
    few = choice_importance(trials, CHOICES)
    assert few.table.empty and few.trials == FEWEST - 1
    assert few.sentence.startswith(f"{FEWEST - 1} finished trials are too few")
    assert "too few" in plots.alt_text(plots.search_importance(few.table, few.trials, 0.0))


def test_noise_is_called_noise():
    trials = planted_trials(20)
    trials["val_auc"] = np.random.default_rng(5).normal(0.7, 0.1, 20)
    noise = choice_importance(trials, CHOICES)
    assert noise.explained <= 0 and "nothing can be told" in noise.sentence


def test_bars_have_the_length_of_the_table(found):
    figure = plots.search_importance(found.table, found.trials, found.explained)
    (axes,) = figure.axes
    assert [bar.get_width() for bar in axes.patches] == list(found.table["importance"].clip(0))
    assert f"{found.table['importance'][0]:.2f}" in plots.alt_text(figure)


def test_every_trial_is_a_line_and_a_failed_one_ends_in_a_cross():
    trials = planted_trials(12)
    trials.loc[3, "val_auc"] = np.nan
    # The highest of all, but stopped early: it is not the best.
    trials.loc[4, ["val_auc", "status"]] = [0.99, "stopped"]
    figure = plots.search_parallel(trials, CHOICES)
    lines = figure.axes[0].lines
    varied = 4
    drawn = [line for line in lines if len(line.get_xdata()) == varied + 1]
    assert len(drawn) == 11
    assert len([line for line in lines if line.get_marker() == "x"]) == 1
    (diamond,) = [line for line in lines if line.get_marker() == "D"]
    done = trials[trials["status"] == "done"]["val_auc"]
    low, high = trials["val_auc"].min(), trials["val_auc"].max()
    assert diamond.get_ydata()[0] == pytest.approx((done.max() - low) / (high - low))
    assert plots.alt_text(figure).endswith("; 1 failed.")
    assert [text.get_text() for text in figure.axes[0].get_xticklabels()] == [
        "head", "learning rate", "skip", "augment", "validation AUC",
    ]  # fmt: skip


def test_every_run_of_a_grid_is_drawn_and_named():
    runs = {
        f"dropout {dropout}, batch size {size}": pd.DataFrame(
            {"val_accuracy": [0.5, 0.6 + dropout / 10], "val_loss": [0.7, 0.65]}
        )
        for dropout in (0.0, 0.2, 0.5)
        for size in (32, 64)
    }
    figure = plots.grid_runs(runs)
    accuracy, loss = figure.axes
    assert len(accuracy.lines) == len(loss.lines) == 6
    np.testing.assert_allclose(accuracy.lines[5].get_ydata(), [0.5, 0.65])
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == list(runs)
    looks = {(line.get_color(), line.get_linestyle(), line.get_marker()) for line in loss.lines}
    assert len(looks) == 6
    assert "0.650, has dropout 0.5, batch size 32" in plots.alt_text(figure)
