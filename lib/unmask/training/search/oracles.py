"""Who decides what is tried next: keras-tuner's oracles, a grid, and successive halving."""

from __future__ import annotations

from collections import Counter
from typing import Any

import keras_tuner
from keras_tuner import synchronized
from keras_tuner.src.engine.metrics_tracking import MetricsTracker
from keras_tuner.src.engine.trial import Trial, TrialStatus

from .settings import OBJECTIVES, SearchSettings
from .spaces import all_combinations, space_of

# In a trial's values: after how many of its epochs halving looks at it again.
UNTIL = "tuner/until"
# A trial whose worker died is given back; the second time it counts as failed.
MOST_DEATHS = 2


class _GivesBack:
    """What an oracle needs so that a worker can die: its trial goes to another one, or fails."""

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.deaths: Counter[str] = Counter()

    @synchronized
    def give_back(self, worker: str) -> tuple[str, bool]:
        """Takes away the trial of a worker that is no more.

        Returns:
            The trial's id, "" for none; and whether it counts as failed now.
        """
        self.tuner_ids.discard(worker)
        trial = self.ongoing_trials.get(worker)
        if trial is None:
            return "", False
        self.deaths[trial.trial_id] += 1
        if self.deaths[trial.trial_id] < MOST_DEATHS:
            del self.ongoing_trials[worker]
            self._retry_queue.append(trial.trial_id)
            self.save()
            return trial.trial_id, False
        trial.status = TrialStatus.FAILED
        self.end_trial(trial)
        return trial.trial_id, True

    @synchronized
    def work_left(self) -> bool:
        """Whether a trial is being trained or waits for another attempt."""
        return bool(self.ongoing_trials or self._retry_queue)

    @synchronized
    def waiting(self) -> bool:
        """Whether a trial waits for another attempt."""
        return bool(self._retry_queue)


class RandomOracle(_GivesBack, keras_tuner.oracles.RandomSearchOracle):
    """keras-tuner's random search."""


class HyperbandOracle(_GivesBack, keras_tuner.oracles.HyperbandOracle):
    """keras-tuner's Hyperband."""


class BayesianOracle(_GivesBack, keras_tuner.oracles.BayesianOptimizationOracle):
    """keras-tuner's Bayesian optimization."""


class GridOracle(_GivesBack, keras_tuner.Oracle):
    """All combinations, one after the other.

    keras-tuner's own finds the next combination from a trial that has ended, which lets one
    worker work while the others wait.
    """

    def __init__(self, combinations: list[dict[str, Any]], **common):
        super().__init__(max_trials=len(combinations), **common)
        self.combinations = combinations

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        return {"status": TrialStatus.RUNNING, "values": dict(self.combinations[int(trial_id)])}


class HalvingOracle(_GivesBack, keras_tuner.oracles.RandomSearchOracle):
    """Successive halving (Jamieson and Talwalkar, 2016, arXiv:1502.07943).

    All networks train for a few epochs; the best of them train on, for `keep` times as many, and
    so forth. It waits for the last of a round, so that any number of workers keeps the same ones.
    """

    def __init__(self, rounds: list[tuple[int, int]], **common):
        """Args: rounds: of each the number of networks, and the epochs they have had after it."""
        super().__init__(max_trials=rounds[0][0], **common)
        self.rounds = rounds
        self.round = 0
        self.queue: list[str] = []
        self.all_drawn = False

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        response = super().populate_space(trial_id)
        if response["values"]:
            response["values"][UNTIL] = self.rounds[0][1]
        return response

    @synchronized
    def create_trial(self, tuner_id: str) -> Trial:
        if tuner_id in self.ongoing_trials or self._retry_queue or not self.all_drawn:
            trial = super().create_trial(tuner_id)
            if trial.status != TrialStatus.STOPPED:
                return trial
            # Networks are drawn only as many as there are places or different ones.
            self.all_drawn = True
        self.tuner_ids.add(tuner_id)
        if not (self.queue or self.ongoing_trials):
            self._next_round()
        if self.queue:
            return self._continue(self.queue.pop(0), tuner_id)
        status = TrialStatus.IDLE if self.ongoing_trials else TrialStatus.STOPPED
        if status == TrialStatus.STOPPED:
            self.tuner_ids.discard(tuner_id)
        return Trial(self.get_space(), trial_id="", status=status)

    def _next_round(self) -> None:
        self.round += 1
        if self.round >= len(self.rounds):
            return
        before = self.rounds[self.round - 1][1]
        reached = [
            trial
            for trial in self.trials.values()
            if trial.status == TrialStatus.COMPLETED
            and trial.hyperparameters.values[UNTIL] == before
        ]
        sign = -1 if self.objective.direction == "max" else 1
        reached.sort(key=lambda trial: (sign * trial.score, trial.trial_id))
        self.queue = [trial.trial_id for trial in reached[: self.rounds[self.round][0]]]

    def _continue(self, trial_id: str, tuner_id: str) -> Trial:
        trial = self.trials[trial_id]
        trial.hyperparameters.values[UNTIL] = self.rounds[self.round][1]
        # keras-tuner would average what the trial reports now with what it reported before.
        trial.metrics, trial.score, trial.status = MetricsTracker(), None, TrialStatus.RUNNING
        self.ongoing_trials[tuner_id] = trial
        self._save_trial(trial)
        self.save()
        return trial

    def _compute_values_hash(self, values: dict[str, Any]) -> str:
        own = {name: value for name, value in values.items() if name != UNTIL}
        return super()._compute_values_hash(own)

    def get_state(self) -> dict[str, Any]:
        state = {"round": self.round, "queue": self.queue, "all_drawn": self.all_drawn}
        return super().get_state() | {"halving": state}

    def set_state(self, state: dict[str, Any]) -> None:
        super().set_state(state)
        for name, value in state["halving"].items():
            setattr(self, name, value)


def make_oracle(settings: SearchSettings, side: int) -> keras_tuner.Oracle:
    """Returns the oracle of a search on faces of `side` pixels."""
    common = {
        "objective": keras_tuner.Objective(settings.objective, OBJECTIVES[settings.objective]),
        "hyperparameters": space_of(settings, side),
        "seed": settings.training.seed,
        "max_retries_per_trial": 0,
        # Failures are reported in the table and never end the search.
        "max_consecutive_failed_trials": 10**6,
    }
    if settings.method == "grid":
        return GridOracle(all_combinations(settings), **common)
    if settings.method == "halving":
        return HalvingOracle(halving_rounds(settings), **common)
    if settings.method == "hyperband":
        return HyperbandOracle(max_epochs=settings.epochs, **common)
    kind = BayesianOracle if settings.method == "bayesian" else RandomOracle
    return kind(max_trials=settings.trials, **common)


def halving_rounds(settings: SearchSettings) -> list[tuple[int, int]]:
    """Returns (networks, epochs each has had after it) of each round, the last with all epochs.

    Example:
        halving_rounds(SearchSettings(method="halving", trials=9, epochs=9))
        # [(9, 1), (3, 3), (1, 9)]
    """
    rounds = [(settings.trials, settings.epochs)]
    networks, epochs = settings.trials, settings.epochs
    while networks > 1 and epochs > 1:
        networks, epochs = -(-networks // settings.keep), max(1, epochs // settings.keep)
        rounds.append((networks, epochs))
    counts = [count for count, _ in rounds]
    return list(zip(counts, [after for _, after in reversed(rounds)], strict=True))


def trainings_planned(settings: SearchSettings, side: int) -> int:
    """Returns how many trainings, and continuations of one, a search has at most."""
    if settings.method == "grid":
        return len(all_combinations(settings))
    if settings.method == "halving":
        return sum(count for count, _ in halving_rounds(settings))
    if settings.method != "hyperband":
        return settings.trials
    oracle = make_oracle(settings, side)
    sizes = [
        oracle._get_size(bracket, number)
        for bracket in range(oracle._get_num_brackets())
        for number in range(oracle._get_num_rounds(bracket))
    ]
    return sum(sizes)
