"""The wrapped client at a loopback Kaggle: bad networks, lost answers, refusals."""

import json
from dataclasses import replace

import pytest
from cloud import Cloud
from signed_in import sign_in
from unmask.errors import DataError, UsageError
from unmask.kaggle.chain import Kernel
from unmask.kaggle.client import Client, Saved
from unmask.kaggle.existing import dataset_exists, model_exists
from unmask.kaggle.launcher import launcher_notebook, make_request, read_request
from unmask.kaggle.retrying import Refused, without_signatures

KERNEL = Kernel("unmask-tiny-download", "Unmask tiny download", ("download",), key="key")
REQUEST = {
    "run_id": "0a1b2c3d", "key": "key", "part": 1, "profile": "tiny", "overrides": [],
    "steps": ["download"], "seconds": 60,
}  # fmt: skip


def leave(source, inputs, working, **options):
    """Runs a kernel in no time; it leaves 150 files and a log."""
    working.mkdir(parents=True)
    for number in range(150):
        (working / f"{number:03d}.txt").write_text(str(number))
    options["tell"]("first\n")
    options["tell"]("second\n\n")
    return type("Outcome", (), {"returncode": 0, "stopped": False})


@pytest.fixture
def cloud(tmp_path):
    with Cloud(tmp_path, execute=leave) as cloud:
        (tmp_path / "code").mkdir()
        cloud.add_dataset("ada/unmask-code", tmp_path / "code")
        yield cloud


@pytest.fixture
def client(cloud, monkeypatch):
    return sign_in(cloud, monkeypatch)


def save(client, kernel=KERNEL, sources=(), **changes):
    text = launcher_notebook(make_request(**REQUEST | changes), kernel.title)
    sent = {"slug": kernel.slug, "title": kernel.title, "sources": sources}
    return client.save_kernel(kernel, text, 3600, **sent)


def wait_for(client, cloud, slug=KERNEL.slug):
    while client.status(slug)[0] in ("QUEUED", "RUNNING"):
        pass


def test_what_is_asked_of_a_kernel_arrives(cloud, client):
    gpu = replace(
        KERNEL,
        datasets=("ada/unmask-code",),
        machine_shape="NvidiaTeslaT4",
        internet=("ImageNet weights",),
    )
    assert save(client) == Saved(version=1)
    assert save(client, gpu, sources=[KERNEL.slug]) == Saved(version=2)
    plain, full = cloud.pushed
    assert (plain["slug"], plain["newTitle"]) == ("ada/unmask-tiny-download", KERNEL.title)
    assert plain["isPrivate"] is True
    assert plain.get("enableInternet") is False and plain.get("enableGpu") is False
    assert "machineShape" not in plain
    assert full["enableInternet"] is True and full["enableGpu"] is True
    assert full["machineShape"] == "NvidiaTeslaT4"
    assert full["datasetDataSources"] == ["ada/unmask-code"]
    assert full["kernelDataSources"] == ["ada/unmask-tiny-download"]
    assert full["sessionTimeoutSeconds"] == 3600


def test_an_answer_that_is_lost_pushes_nothing_twice(cloud, client):
    cloud.faults.add("lost_answer", on="SaveKernel")
    assert save(client) == Saved(version=1)
    assert cloud.pushes() == {KERNEL.slug: 1}
    assert client.told[-1] == "" and "no connection" in client.told[0]


def test_a_push_that_never_arrived_is_sent_again(cloud, client):
    save(client, run_id="11111111")
    cloud.faults.add("drop", on="SaveKernel", times=2)
    assert save(client) == Saved(version=2)
    assert read_request(client.kernel(KERNEL.slug)[0])["run_id"] == "0a1b2c3d"


def test_what_kaggle_does_not_know_is_read_from_every_field(cloud, client):
    wrong = replace(KERNEL, datasets=("ada/gone",), models=("a/b/c/d/1",))
    saved = save(client, wrong, sources=["unmask-gone"])
    assert set(saved.invalid) == {"ada/gone", "ada/unmask-gone", "a/b/c/d/1"}


def test_no_room_and_no_quota_are_told_apart_from_errors(cloud, client):
    gpu = replace(KERNEL, machine_shape="NvidiaTeslaT4")
    cloud.faults.add("sessions", on=KERNEL.slug)
    assert save(client, gpu).error == "Maximum batch GPU session count of 2 reached."
    cloud.faults.add("quota", on=KERNEL.slug)
    assert save(client, gpu).error == "Maximum weekly GPU quota of 30.00 hours reached."


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 429, "headers": {"Retry-After": "0.02"}, "message": "slow"},
        {"kind": "status", "status": 503, "message": "busy"},
        {"kind": "drop"},
        {"kind": "lost_answer"},
    ],
    ids=lambda fault: str(fault.get("status", fault["kind"])),
)
def test_calls_are_tried_again_over_what_passes(cloud, client, fault):
    save(client)
    cloud.faults.add(fault.pop("kind"), on="GetKernelSessionStatus", times=3, **fault)
    assert client.status(KERNEL.slug)[0] in ("QUEUED", "RUNNING", "COMPLETE")
    assert cloud.count("GetKernelSessionStatus") == 4
    assert client.told[-1] == "" and len(client.told) >= 2


def test_it_gives_up_in_the_end_and_says_how_to_go_on(cloud, monkeypatch):
    client = sign_in(cloud, monkeypatch, patience=0.1)
    cloud.faults.add("drop", on="GetKernelSessionStatus", times=10**6)
    with pytest.raises(DataError, match="run the same command again; kernels go on"):
        client.status(KERNEL.slug)


def test_a_refusal_is_not_repeated(cloud, client):
    cloud.faults.add("status", on="SaveKernel", status=400, message="The title is taken")
    with pytest.raises(Refused, match="The title is taken"):
        save(client)
    assert cloud.count("SaveKernel") == 1


def test_signed_addresses_are_not_told():
    where = "https://storage.googleapis.com/a/b.tar"
    said = without_signatures(
        ValueError(f"403 for url: {where}?X-Goog-Signature=ab12&x=1 (really)")
    )
    assert said == f"403 for url: {where}?... (really)"


def test_a_wrong_key_is_told_with_the_ways_to_log_in(cloud, client):
    client.api.config_values["key"] = "wrong"
    with pytest.raises(UsageError, match="does not accept these credentials"):
        client.status(KERNEL.slug)


def test_without_credentials_the_ways_to_log_in_are_told(cloud, client, monkeypatch):
    monkeypatch.delenv("KAGGLE_USERNAME")
    monkeypatch.delenv("KAGGLE_KEY")
    with pytest.raises(UsageError, match=r"kaggle\.json"):
        Client.login(lambda words: None)


def test_what_is_not_there_is_none(cloud, client):
    assert client.kernel("unmask-nothing") is None
    assert client.dataset_status("ada/nothing") == ""
    assert client.dataset_file("ada/nothing", "unmask.json") is None
    assert not dataset_exists(client, "ada/nothing")
    assert dataset_exists(client, "ada/unmask-code/1")
    cloud.add_model("ada/net/tensorFlow2/small/3", cloud.folder)
    assert model_exists(client, "ada/net/tensorFlow2/small/3")
    for handle in ("ada/net/tensorFlow2/small/4", "ada/net/keras/small/3", "ada/net/x/small/3"):
        assert not model_exists(client, handle)


def test_all_pages_of_an_output_are_listed_and_the_log_ends_it(cloud, client):
    save(client)
    wait_for(client, cloud)
    found = client.outputs(KERNEL.slug)
    assert sorted(found) == [f"{number:03d}.txt" for number in range(150)]
    assert cloud.count("ListKernelSessionOutput") == 2
    assert client.end_of_log(KERNEL.slug) == "first\nsecond"
    assert client.end_of_log("unmask-nothing") == ""


def test_the_quota_is_what_the_server_tells(cloud, client):
    cloud.gpu_seconds_before = 12 * 3600
    quota = client.quota()
    assert quota.hours_left == 18
    assert quota.refresh_words == "2026-11-28 00:00 UTC"
    cloud.faults.add("status", on="GetAcceleratorQuotaStatistics", status=404, message="none")
    assert client.quota() is None


def test_bodies_are_what_kaggle_reads(cloud, client):
    save(client, overrides=["report.question=What?"])
    cells = [cell["source"] for cell in json.loads(cloud.pushed[0]["text"])["cells"]]
    assert "report.question=What?" in cells[2]
