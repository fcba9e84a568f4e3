"""Everything that can go wrong between home and Kaggle, one by one.

Each is told, and survived or ended with exit code 1; running again goes on where it stopped and
pushes nothing twice. Kernels are executed in the container once and replayed after that.
"""

import shutil

import kaggle_home
import pytest
from cloud import Cloud
from person import Person
from unmask.kaggle.launcher import read_request

LISTING, STATUS = "ListKernelSessionOutput", "GetKernelSessionStatus"
RESULTS = "unmask-tiny-download/results.tar"
OF_UPLOADS = ("GetDatasetStatus", "CreateDataset", "upload", "unmask-code")


@pytest.fixture
def person(tmp_path, monkeypatch, capsys, replay, stock):
    """A person with a small project, whose account holds its code and the wheels."""
    home = kaggle_home.make_home(tmp_path / "home")
    with Cloud(tmp_path, execute=replay, dataset_polls=0) as cloud:
        for handle, folder in stock.items():
            cloud.add_dataset(handle, folder)
        yield Person(cloud, home, monkeypatch, capsys)


def report(person, page):
    return (person.home / "reports" / "tiny" / f"{page}.html").read_text()


@pytest.mark.parametrize(
    ("kind", "on", "values", "told"),
    [
        ("drop", "SaveKernel", {}, "no connection"),
        ("lost_answer", "SaveKernel", {}, "no connection"),
        ("status", "SaveKernel", {"status": 500}, "server fails (500)"),
        ("drop", "GetDatasetStatus", {}, "no connection"),
        ("lost_answer", "CreateDataset", {}, ""),
        ("drop", STATUS, {"times": 2}, "no connection"),
        ("drop", LISTING, {}, "no connection"),
        ("status", STATUS, {"status": 429, "headers": {"Retry-After": "1"}}, "slow down"),
        ("status", LISTING, {"status": 503}, "server fails (503)"),
        ("status", LISTING, {"status": 404, "times": 2}, "lists no results of it yet"),
        ("status", STATUS, {"status": 403, "times": 3}, "does not know this kernel"),
        ("cut", "upload", {"at": 1000}, ""),
        ("lost_answer", "upload", {}, ""),
        ("cut", "results.tar", {"at": 300}, "no connection"),
        ("expired", "results.tar", {}, "again: Kaggle refused (403)"),
        ("damage", RESULTS, {"how": "truncated", "skip": 1}, "again: it has"),
        ("damage", RESULTS, {"how": "changed", "skip": 1, "times": 2}, "again: it has"),
        ("pending", "unmask-code", {"polls": 4}, "Kaggle prepares ada/unmask-code"),
        ("queue", "unmask-tiny-download", {"polls": 4}, "queued"),
    ],
)
def test_what_passes_is_survived_and_nothing_is_pushed_twice(person, kind, on, values, told):
    if on in OF_UPLOADS:
        person.cloud.datasets.all.clear()
    fault = person.cloud.faults.add(kind, on=on, **values)
    assert person.runs() == 0, person.said
    assert fault.happened == values.get("times", 1)
    assert told in person.said
    assert person.pushes() == {"download": 1}
    versions = [len(dataset.versions) for dataset in person.cloud.datasets.all.values()]
    assert versions == [1, 1]
    assert "Tiny 01_download" in report(person, "01_download")
    assert person.runs() == 0
    assert person.pushes() == {"download": 1}


def test_a_download_that_breaks_off_goes_on_where_it_stopped(person):
    person.cloud.faults.add("cut", on="results.tar", at=150_000)
    assert person.runs() == 0, person.said
    ranges = [request.headers.get("range") for request in person.cloud.named("results.tar")]
    assert ranges == [None, "bytes=131072-"]


@pytest.mark.parametrize(
    ("kind", "values", "told"),
    [
        ("die", {"message": "Your notebook tried to allocate more memory"}, "more memory"),
        ("cancel", {}, "cancelled"),
    ],
)
def test_a_kernel_that_ends_badly_stops_what_needs_it(person, kind, values, told):
    person.cloud.faults.add(kind, on="unmask-tiny-download", **values)
    assert person.runs("preprocess") == 1
    assert told in person.said
    assert "needs download" in person.said
    assert person.pushes() == {"download": 1}
    assert person.runs("preprocess") == 0, person.said
    assert person.pushes() == {"download": 2, "preprocess": 1}
    assert person.runs("preprocess") == 0
    assert person.pushes() == {"download": 2, "preprocess": 1}


def test_an_error_in_a_notebook_is_told_and_its_report_comes_home(person):
    assert person.runs("preprocess", "--set", "preprocess.fail=true") == 1
    assert "planted error" in person.said
    assert "ValueError: planted error" in report(person, "02_preprocess")
    assert "failed" in report(person, "index")
    assert person.runs("preprocess") == 0, person.said
    assert person.pushes() == {"download": 1, "preprocess": 2}
    assert "ValueError: planted error" not in report(person, "02_preprocess")


def test_an_unknown_source_is_told_though_kaggle_answers_200(person):
    person.cloud.faults.add(
        "invalid", on="unmask-tiny-download", field="invalidDatasetSources",
        sources=["ada/unmask-code"],
    )  # fmt: skip
    assert person.runs() == 1
    assert "ada/unmask-code" in person.said
    assert "accept the terms" in person.said
    assert person.runs() == 0, person.said
    assert person.pushes() == {"download": 2}


@pytest.mark.slow
def test_no_free_machine_is_waited_for(person):
    fault = person.cloud.faults.add("sessions", on="unmask-tiny-baseline-cnn", times=3)
    assert person.runs("baseline_cnn") == 0, person.said
    assert fault.happened == 3
    assert "waits for a free machine: Maximum batch GPU session count of 2" in person.said
    assert set(person.pushes().values()) == {1}


def test_a_used_up_quota_is_told_with_its_renewal(person):
    person.cloud.gpu_seconds_before = 30 * 3600
    assert person.runs("baseline_cnn") == 1
    assert "GPU quota of 30.00 hours" in person.said
    assert "2026-11-28 00:00 UTC" in person.said
    assert person.pushes() == {"download": 1, "preprocess": 1}
    person.cloud.gpu_seconds_before = 0
    assert person.runs("baseline_cnn") == 0, person.said
    assert person.pushes() == {"download": 1, "preprocess": 1, "baseline-cnn": 1}


def test_a_quota_used_up_in_the_middle(person):
    words = "Your notebook was stopped: the GPU quota is used up."
    person.cloud.faults.add("die", on="unmask-tiny-baseline-cnn", message=words)
    assert person.runs("baseline_cnn") == 1
    assert words in person.said
    person.cloud.gpu_seconds_before = 30 * 3600
    assert person.runs("baseline_cnn") == 1
    assert "Maximum weekly GPU quota" in person.said
    assert person.pushes() == {"download": 1, "preprocess": 1, "baseline-cnn": 1}
    person.cloud.gpu_seconds_before = 0
    assert person.runs("baseline_cnn") == 0, person.said
    assert person.pushes()["baseline-cnn"] == 2


def test_a_dataset_that_kaggle_cannot_process_is_told_and_uploaded_again(person):
    person.cloud.datasets.all.clear()
    person.cloud.faults.add("failed", on="unmask-code")
    assert person.runs() == 1
    assert "could not process the dataset ada/unmask-code" in person.said
    assert person.pushes() == {}
    assert person.runs() == 0, person.said
    assert len(person.cloud.datasets.all["ada/unmask-code"].versions) == 2
    assert person.pushes() == {"download": 1}


def test_an_output_of_an_earlier_session_is_not_taken_for_ours(person):
    assert person.runs() == 0, person.said
    fault = person.cloud.faults.add("stale", on="unmask-tiny-download", times=2)
    assert person.runs("download", "--again") == 0, person.said
    assert fault.happened == 2
    assert "belongs to another run" in person.said
    assert person.pushes() == {"download": 2}
    pushed = [read_request(body["text"])["run_id"] for body in person.cloud.pushed]
    marks = (person.home / "runs" / "tiny" / "from_kaggle.json").read_text()
    assert [run_id in marks for run_id in pushed] == [False, True]


def test_a_kernel_that_was_deleted_is_told_and_pushed_anew(person):
    person.cloud.faults.add("status", on=STATUS, status=403, times=5)
    assert person.runs() == 1
    assert "does not have this kernel any more; run again" in person.said
    assert person.runs() == 0, person.said
    assert person.pushes() == {"download": 2}


def test_notes_of_another_account_do_not_count(person):
    assert person.runs() == 0, person.said
    notes = person.home / "runs" / "kaggle" / "tiny.json"
    notes.write_text(notes.read_text().replace('"owner": "ada"', '"owner": "bob"'))
    person.cloud.kernels.all.clear()
    assert person.runs() == 0, person.said
    assert "notes are of the account bob" in person.said
    assert person.pushes() == {"download": 1}
    assert person.cloud.count("SaveKernel") == 2


def test_a_model_that_is_not_there_is_told_before_a_push(person):
    model = "ada/faces/keras/small/1"
    assert person.runs("download", "--weights", model) == 2
    assert f"Kaggle has no model {model}" in person.said
    assert person.pushes() == {}
    person.cloud.add_model(model, person.home / "params")
    assert person.runs("download", "--weights", model) == 0, person.said
    (push,) = person.cloud.pushed
    assert push["modelDataSources"] == [model]
    assert f"models/{model}" in push["text"]


def test_a_file_that_stays_damaged_is_an_error_and_not_a_new_push(person):
    fault = person.cloud.faults.add("damage", on=RESULTS, how="changed", times=100)
    assert person.runs() == 1
    assert "came damaged" in person.said
    assert not (person.home / "runs" / "tiny" / "download" / "run.json").exists()
    fault.times = 0
    assert person.runs() == 0, person.said
    assert person.pushes() == {"download": 1}


def test_lost_and_damaged_notes_cost_no_second_push(person):
    assert person.runs("preprocess") == 0, person.said
    notes = person.home / "runs" / "kaggle" / "tiny.json"
    for content in (None, '{"format": 1, "pushes": '):
        notes.unlink() if content is None else notes.write_text(content)
        assert person.runs("preprocess") == 0, person.said
        assert person.pushes() == {"download": 1, "preprocess": 1}


def test_results_that_were_deleted_here_are_fetched_again(person):
    assert person.runs() == 0, person.said
    runs = person.home / "runs"
    shutil.rmtree(runs / "kaggle" / "tiny")
    assert person.runs() == 0, person.said
    assert person.cloud.count("results.tar") == 1  # what lies in runs/tiny is enough
    shutil.rmtree(runs / "tiny")
    assert person.runs() == 0, person.said
    assert (runs / "tiny" / "download" / "files.parquet").is_file()
    assert person.pushes() == {"download": 1}


def test_wrong_credentials_are_told(person, monkeypatch):
    monkeypatch.setenv("KAGGLE_KEY", "wrong")
    assert person.runs() == 2
    assert "does not accept these credentials" in person.said
