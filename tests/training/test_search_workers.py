"""Two worker processes find what one process finds, whatever happens to them."""

import json
import os
import signal
import subprocess
from dataclasses import replace

import pytest
from planted import SETTINGS, planted_data, quiet
from unmask.errors import DataError, UsageError
from unmask.runs import write_json
from unmask.training.search import SearchSettings, chief, histories_of, processes, run, search
from unmask.training.search.headway import Headway, patience

SEARCH = SearchSettings(
    method="grid", network="two_block", dropouts=(0.0, 0.3, 0.5), learning_rates=(1e-3,),
    batch_sizes=(32,), epochs=1, training=replace(SETTINGS, seed=3),
)  # fmt: skip


@pytest.mark.slow
def test_workers_try_what_one_process_tries_and_a_killed_one_costs_nothing(tmp_path):
    data = planted_data(96, shade=60)
    alone = search(data, SEARCH, tmp_path / "one", quiet)
    killed, told = [], []

    def kill_the_first_that_trains(fraction, message):
        told.append(message)
        for path in (tmp_path / "two").glob("*/workers/worker*.json"):
            beat = json.loads(path.read_text())
            if beat["trial"] and not killed:
                killed.append((beat["process"], path.stem, beat["trial"]))
                os.kill(beat["process"], signal.SIGKILL)

    found = search(data, SEARCH, tmp_path / "two", kill_the_first_that_trains, workers=2)
    (_, worker, trial), notice = killed[0], found.notices[0]
    assert notice == (
        f"{worker} of the search was ended by signal 9 (SIGKILL); its trial {trial} was given to "
        "a worker again."
    )
    assert len(found.notices) == 1 and "of 3 trials" in told[0]
    columns = ["trial", "dropout", "learning_rate", "batch_size", "status", "parameters"]
    one, two = (result.trials.sort_values("trial", ignore_index=True) for result in (alone, found))
    assert one[columns].equals(two[columns]) and list(one["dropout"]) == [0.0, 0.3, 0.5]
    for result in (alone, found):
        assert result.network == "two_block" and set(result.trials["status"]) == {"done"}
        assert list(histories_of(result)) == ["dropout 0", "dropout 0.3", "dropout 0.5"]
    # Another number of threads adds in another order.
    assert two["val_loss"].to_numpy() == pytest.approx(one["val_loss"].to_numpy(), rel=0.02)
    assert not (found.folder / "chief.json").exists()
    for path in (found.folder / "workers").glob("*.json"):
        assert json.loads(path.read_text())["left"]


def test_when_no_worker_can_live_the_search_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "WORKER_MODULE", "unmask.no_such_worker")
    with pytest.raises(DataError, match=r"No worker .* is left; 0 trials .*no_such_worker"):
        search(planted_data(96), SEARCH, tmp_path, quiet, workers=2)


def test_a_worker_that_hangs_is_ended_and_its_trial_is_tried_once_more(tmp_path, monkeypatch):
    monkeypatch.setattr(processes, "WORKER_MODULE", "unmask.no_such_worker")
    tuner = run._open(planted_data(96), SEARCH, tmp_path / "s", quiet)
    tuner.oracle.verbose = 0
    watch = chief._Watch(tuner, None, tmp_path / "s", quiet, Headway(60.0))
    watch.start(0, "127.0.0.1:1")
    watch.share = 3
    asleep = [subprocess.Popen(["sleep", "60"]) for _ in range(3)]
    watch.locals = [chief._Local(f"worker{place}", each) for place, each in enumerate(asleep)]
    trial = tuner.oracle.create_trial("worker0").trial_id
    tuner.oracle.create_trial("worker1")

    def beat(fraction):
        record = {"beat": 1, "trial": trial, "fraction": fraction}
        write_json(processes.beat_path(tmp_path / "s", "worker1"), record)

    beat(0.1)
    watch.look()
    watch.look()
    assert all(each.poll() is None for each in asleep) and not watch.notices
    watch.headway.seconds = 0.0
    beat(0.2)
    watch.look()
    # The first has got no further, the second has, and the third has no trial.
    assert [each.poll() for each in asleep] == [-signal.SIGKILL, None, None]
    told = f"worker0 of the search got nowhere for 0 minutes; its trial {trial} "
    assert watch.notices == [told + "was given to a worker again."]
    assert watch.locals[0].process is not asleep[0]
    watch.locals.pop(0).process.wait()

    # A worker of another machine that hangs is told to end.
    elsewhere = processes.beat_path(tmp_path / "s", "machine-1")
    assert tuner.oracle.create_trial("machine-1").trial_id == trial
    write_json(elsewhere, {"beat": 1, "trial": trial, "fraction": 0.0})
    watch.headway.seconds = 60.0
    watch.look()
    watch.headway.seconds = 0.0
    beat(0.3)
    watch.look()
    assert processes.gone_path(tmp_path / "s", "machine-1").exists() and not elsewhere.exists()
    assert watch.notices[-1].endswith(f"its trial {trial} counts as failed.")
    reason = (tuner.trial_folder(trial) / "reason.txt").read_text()
    assert "got nowhere for 0 minutes, twice" in reason and "UNMASK_SEARCH_PATIENCE" in reason
    watch.end()


def test_the_patience_is_a_number_of_seconds(tmp_path, monkeypatch):
    assert patience() == 3600
    monkeypatch.setenv("UNMASK_SEARCH_PATIENCE", "90")
    assert patience() == 90
    for wrong in ("0", "nan", "soon"):
        monkeypatch.setenv("UNMASK_SEARCH_PATIENCE", wrong)
        with pytest.raises(UsageError, match="UNMASK_SEARCH_PATIENCE is"):
            search(planted_data(96), SEARCH, tmp_path, quiet, workers=2)


def test_an_address_that_cannot_be_listened_at_is_a_usage_error(tmp_path, monkeypatch):
    for address in ("nonsense", "192.0.2.1:1"):
        monkeypatch.setenv("UNMASK_SEARCH_ADDRESS", address)
        with pytest.raises(UsageError, match=r"UNMASK_SEARCH_ADDRESS|cannot listen"):
            search(planted_data(96), SEARCH, tmp_path, quiet)
    with pytest.raises(UsageError, match="cannot have 0 workers"):
        search(planted_data(96), SEARCH, tmp_path, quiet, workers=0)
