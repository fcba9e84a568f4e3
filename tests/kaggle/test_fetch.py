"""Files that a kernel left come whole: over drops, expired addresses and damage."""

import hashlib
import json

import pytest
from cloud import Cloud
from signed_in import sign_in
from unmask.errors import DataError
from unmask.kaggle.chain import Kernel
from unmask.kaggle.fetch import fetch_files, fetch_manifest, is_fetched

SLUG = "unmask-tiny-download"
RESULTS = bytes(range(256)) * 2000
FACES = b"faces" * 1000


def described(name, content):
    return {"path": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


MANIFEST = {
    "format": 1, "profile": "tiny", "run_id": "0a1b2c3d",
    "files": [described("results.tar", RESULTS), described("faces/faces_8.npy", FACES)],
}  # fmt: skip


def leave(source, inputs, working, **options):
    (working / "faces").mkdir(parents=True)
    (working / "results.tar").write_bytes(RESULTS)
    (working / "faces" / "faces_8.npy").write_bytes(FACES)
    (working / "unmask_output.json").write_text(json.dumps(MANIFEST))
    return type("Outcome", (), {"returncode": 0, "stopped": False})


@pytest.fixture
def cloud(tmp_path):
    with Cloud(tmp_path, execute=leave) as cloud:
        yield cloud


@pytest.fixture
def client(cloud, monkeypatch):
    client = sign_in(cloud, monkeypatch)
    kernel = Kernel(SLUG, "Unmask tiny download", ("download",))
    client.save_kernel(kernel, "{}", None, slug=SLUG, title=kernel.title, sources=())
    while client.status(SLUG)[0] != "COMPLETE":
        pass
    return client


def storage(cloud, name="results.tar"):
    return [request for request in cloud.named("/storage/") if request.path.endswith(name)]


def test_a_client_imported_before_still_asks_the_loopback(cloud, monkeypatch):
    from kaggle.api.kaggle_api_extended import KaggleApi

    monkeypatch.setattr(KaggleApi, "args", [])  # as after an import without the variables
    client = sign_in(cloud, monkeypatch)
    kernel = Kernel(SLUG, "Unmask tiny download", ("download",))
    client.save_kernel(kernel, "{}", None, slug=SLUG, title=kernel.title, sources=())
    assert cloud.named("SaveKernel")


def test_home_gets_results_and_asks_for_the_rest_by_name(cloud, client, tmp_path):
    manifest = fetch_manifest(client, SLUG, tmp_path / "out")
    assert manifest == MANIFEST
    fetch_files(client, SLUG, tmp_path / "out", manifest)
    assert (tmp_path / "out" / "results.tar").read_bytes() == RESULTS
    assert not (tmp_path / "out" / "faces").exists()
    assert is_fetched(tmp_path / "out") and not is_fetched(tmp_path / "out", with_data=True)
    fetch_files(client, SLUG, tmp_path / "out", manifest, with_data=True)
    assert (tmp_path / "out" / "faces" / "faces_8.npy").read_bytes() == FACES
    assert is_fetched(tmp_path / "out", with_data=True)
    assert len(storage(cloud)) == 1


def test_a_download_goes_on_where_it_broke_off(cloud, client, tmp_path):
    manifest = fetch_manifest(client, SLUG, tmp_path)
    cloud.faults.add("cut", on="storage", at=100_000)
    cloud.faults.add("cut", on="storage", at=70_000)
    fetch_files(client, SLUG, tmp_path, manifest)
    assert (tmp_path / "results.tar").read_bytes() == RESULTS
    ranges = [request.headers.get("range") for request in storage(cloud)]
    assert ranges == [None, "bytes=65536-", "bytes=131072-"]


def test_an_address_that_expired_is_asked_for_anew(cloud, client, tmp_path):
    cloud.faults.add("expired", on="unmask_output.json")
    manifest = fetch_manifest(client, SLUG, tmp_path)
    cloud.faults.add("expired", on="results.tar", times=2)
    fetch_files(client, SLUG, tmp_path, manifest)
    assert (tmp_path / "results.tar").read_bytes() == RESULTS


@pytest.mark.parametrize("how", ["truncated", "changed"])
def test_a_damaged_file_is_fetched_anew_and_in_the_end_refused(cloud, client, tmp_path, how):
    manifest = fetch_manifest(client, SLUG, tmp_path)
    cloud.faults.add("damage", on=f"{SLUG}/results.tar", times=1, how=how)
    fetch_files(client, SLUG, tmp_path, manifest)
    assert (tmp_path / "results.tar").read_bytes() == RESULTS
    (tmp_path / "results.tar").unlink()
    cloud.faults.add("damage", on=f"{SLUG}/results.tar", times=10, how=how)
    with pytest.raises(DataError, match=r"results\.tar of the kernel .* came damaged .* 3 times"):
        fetch_files(client, SLUG, tmp_path, manifest)
    assert not (tmp_path / "results.tar").exists()


def test_a_partial_file_that_is_too_long_is_thrown_away(cloud, client, tmp_path):
    manifest = fetch_manifest(client, SLUG, tmp_path)
    (tmp_path / ".results.tar.partial").write_bytes(bytes(len(RESULTS) + 5))
    fetch_files(client, SLUG, tmp_path, manifest)
    assert (tmp_path / "results.tar").read_bytes() == RESULTS


def test_a_file_that_is_not_listed_is_told(client, tmp_path):
    manifest = {**MANIFEST, "files": [described("results.tar", b"")], "x": 1}
    (item,) = manifest["files"]
    item["path"] = "results.tar"
    listed = client.outputs
    client.outputs = lambda slug: {k: v for k, v in listed(slug).items() if k != "results.tar"}
    with pytest.raises(DataError, match="Kaggle does not list it"):
        fetch_files(client, SLUG, tmp_path, manifest)


@pytest.mark.parametrize("name", ["../results.tar", "/tmp/x", "a\\..\\x", "C:x", "a/../../x", ""])
def test_names_that_lead_out_of_the_folder_are_refused(client, tmp_path, name):
    manifest = {**MANIFEST, "files": [described(name, b"x")]}
    with pytest.raises(DataError, match="manifest names the file"):
        fetch_files(client, SLUG, tmp_path, manifest, with_data=True)


def test_an_output_without_a_manifest_is_none_of_ours(cloud, client, tmp_path):
    session = cloud.kernels.latest("ada", SLUG)
    (session.working / "unmask_output.json").unlink()
    assert fetch_manifest(client, SLUG, tmp_path) is None
