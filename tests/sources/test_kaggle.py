"""Kaggle datasets: the real client against a loopback server, and the mounts on Kaggle."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import types
import zipfile
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from kaggle_server import KEY, TOKEN, USERNAME, KaggleServer
from PIL import Image
from unmask.errors import DataError, UsageError
from unmask.sources.kaggle import fetch_kaggle_dataset, verify_manifest

FACES = "kshitizbhargava/deepfake-face-images"
STYLEGAN = "xhlulu/140k-real-and-fake-faces"
FACES_ROOT = "/kaggle/input/stylegan-and-stylegan2-combined-dataset/"
USAGE = namedtuple("USAGE", "total used free")
MEBIBYTE = 2**20


def jpeg(seed: int) -> bytes:
    """A 256-pixel JPEG of noise, about 130 kB, so that archives have some length."""
    pixels = np.random.default_rng(seed).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=95, subsampling=0)
    return stream.getvalue()


def zipped(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as content:
        for name, data in files.items():
            content.writestr(name, data)
    return stream.getvalue()


@pytest.fixture(scope="session")
def faces() -> dict[str, bytes]:
    """A miniature of the first dataset: 12 pictures a class, its folders and its table."""
    files, rows = {}, []
    for number in range(24):
        label = "Fake" if number % 2 else "Real"
        path = f"Final Dataset/{label}/{number:05}.jpg"
        files[path] = jpeg(number)
        rows.append({"path": FACES_ROOT + path, "label": label})
    files["dataset.csv"] = pd.DataFrame(rows).to_csv(index=False).encode()
    return files


@pytest.fixture(scope="session")
def stylegan() -> dict[str, bytes]:
    """A miniature of the second: three splits, and tables whose label is 1 for real."""
    files = {}
    for position, split in enumerate(("train", "valid", "test")):
        rows = []
        for number in range(4):
            label, name = ("real", f"{number}31355") if number % 2 else ("fake", f"{number}A266Y4")
            path = f"{split}/{label}/{name}.jpg"
            files[f"real_vs_fake/real-vs-fake/{path}"] = jpeg(100 + 10 * position + number)
            rows.append({
                "original_path": f"/kaggle/input/{label}-faces/{name}.jpg", "id": name,
                "label": int(label == "real"), "label_str": label, "path": path,
            })  # fmt: skip
        files[f"{split}.csv"] = pd.DataFrame(rows).to_csv().encode()
    return files


@pytest.fixture
def server(faces, stylegan):
    running = KaggleServer({(FACES, 1): zipped(faces), (STYLEGAN, 2): zipped(stylegan)}).start()
    running.archives[STYLEGAN, 1] = zipped({"train/real/old.jpg": jpeg(7)})
    yield running
    running.stop()


@pytest.fixture
def no_account(server, tmp_path, monkeypatch):
    """Points the real client at the server, in a home with no credentials."""
    home = tmp_path / "home"
    home.mkdir()
    for name in list(os.environ):
        if name.startswith("KAGGLE_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(home))
    from kaggle.api.kaggle_api_extended import KaggleApi
    from kagglesdk.kaggle_env import KaggleEnv, _env_to_endpoint

    monkeypatch.setattr(KaggleApi, "config", str(home / "kaggle.json"))
    monkeypatch.setattr(KaggleApi, "args", ["--local"])
    monkeypatch.setitem(_env_to_endpoint, KaggleEnv.LOCAL, server.address)
    return home


@pytest.fixture
def account(no_account, monkeypatch):
    monkeypatch.setenv("KAGGLE_USERNAME", USERNAME)
    monkeypatch.setenv("KAGGLE_KEY", KEY)


@pytest.fixture
def hasty_client(monkeypatch):
    """Takes the client's pauses between its own attempts away."""
    from kaggle.api import kaggle_api_extended

    clock = types.SimpleNamespace(**{**vars(time), "sleep": lambda seconds: None})
    monkeypatch.setattr(kaggle_api_extended, "time", clock)


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def fails(handle: str, folder: Path, error=DataError, version: int | None = 1) -> str:
    with pytest.raises(error) as caught:
        fetch_kaggle_dataset(handle, folder, version=version)
    return str(caught.value)


@pytest.mark.parametrize(("handle", "version"), [(FACES, 1), (STYLEGAN, 2)])
def test_downloads_both_datasets(handle, version, server, account, tmp_path, request):
    original = request.getfixturevalue("faces" if handle == FACES else "stylegan")

    folder = fetch_kaggle_dataset(handle, tmp_path / "data", version=version)

    assert folder == tmp_path / "data" / "files"
    assert contents(folder) == original
    manifest = json.loads((tmp_path / "data" / "manifest.json").read_text())
    assert (manifest["handle"], manifest["version"]) == (handle, version)
    assert {file["path"] for file in manifest["files"]} == set(original)
    assert verify_manifest(tmp_path / "data", thorough=True) == []
    left = {path.name for path in (tmp_path / "data").iterdir()}
    assert left - {".lock"} == {"files", "manifest.json"}


def test_tables_keep_their_columns(account, tmp_path):
    folder = fetch_kaggle_dataset(STYLEGAN, tmp_path, version=2)
    table = pd.read_csv(folder / "train.csv", index_col=0)
    assert list(table) == ["original_path", "id", "label", "label_str", "path"]
    for row in table.itertuples():
        assert row.label == (row.label_str == "real")
        assert (folder / "real_vs_fake" / "real-vs-fake" / row.path).is_file()


def test_a_second_call_asks_nobody(server, account, tmp_path):
    first = fetch_kaggle_dataset(FACES, tmp_path, version=1)
    assert len(server.requests) == 2  # the redirect, and the bytes
    server.stop()
    assert fetch_kaggle_dataset(FACES, tmp_path, version=1) == first
    assert len(server.requests) == 2


def test_the_pinned_version_reaches_the_server(server, account, tmp_path):
    folder = fetch_kaggle_dataset(STYLEGAN, tmp_path, version=1)
    assert [request.body for request in server.named("DownloadDataset")] == [
        {"ownerSlug": "xhlulu", "datasetSlug": "140k-real-and-fake-faces",
         "datasetVersionNumber": 1}
    ]  # fmt: skip
    assert list(contents(folder)) == ["train/real/old.jpg"]

    fetch_kaggle_dataset(STYLEGAN, tmp_path, version=2)
    assert server.named("DownloadDataset")[1].body["datasetVersionNumber"] == 2
    assert len(contents(folder)) == 15


def test_without_a_version_the_newest_is_written_down(server, account, tmp_path):
    fetch_kaggle_dataset(STYLEGAN, tmp_path)
    assert json.loads((tmp_path / "manifest.json").read_text())["version"] == 2
    assert server.named("DownloadDataset")[0].body["datasetVersionNumber"] == 2
    count = len(server.requests)
    fetch_kaggle_dataset(STYLEGAN, tmp_path)
    fetch_kaggle_dataset(STYLEGAN, tmp_path, version=2)
    assert len(server.requests) == count


def test_a_broken_connection_is_resumed_at_once(server, account, hasty_client, faces, tmp_path):
    server.cuts = [2 * MEBIBYTE + 5, 100, None]
    folder = fetch_kaggle_dataset(FACES, tmp_path, version=1)
    ranges = [request.headers.get("range") for request in server.named("archive.zip")]
    assert ranges == [None, f"bytes={2 * MEBIBYTE}-", f"bytes={2 * MEBIBYTE}-"]
    assert contents(folder) == faces


def test_a_lost_network_can_be_resumed_later(server, account, hasty_client, faces, tmp_path):
    server.cuts = [MEBIBYTE + 9] + [0] * 5
    message = fails(FACES, tmp_path)
    assert f"The download of {FACES} stopped" in message
    assert "run again: the download goes on where it stopped" in message
    assert not (tmp_path / "files").exists()
    assert (tmp_path / "version-1.zip.kaggle-partial").exists()

    folder = fetch_kaggle_dataset(FACES, tmp_path, version=1)
    assert server.named("archive.zip")[-1].headers["range"] == f"bytes={MEBIBYTE}-"
    assert contents(folder) == faces


def test_a_killed_download_is_resumed(server, account, faces, tmp_path):
    server.cuts, server.stall = [2 * MEBIBYTE + 5], True
    call = f"fetch_kaggle_dataset({FACES!r}, {str(tmp_path / 'data')!r}, version=1)"
    script = f"from unmask.sources.kaggle import fetch_kaggle_dataset; {call}"
    environment = {
        **os.environ, "KAGGLE_API_ENVIRONMENT": "LOCALHOST", "http_proxy": server.address,
        "no_proxy": "", "UNMASK_PROGRESS": str(tmp_path / "progress.jsonl"),
    }  # fmt: skip
    process = subprocess.Popen([sys.executable, "-c", script], env=environment)
    archive, progress = tmp_path / "data" / "version-1.zip", tmp_path / "progress.jsonl"
    deadline = time.monotonic() + 60
    while not (progress.exists() and "downloaded" in progress.read_text()):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert archive.stat().st_size == 2 * MEBIBYTE
    whole = len(server.archives[FACES, 1])
    event = json.loads(progress.read_text().splitlines()[-1])
    assert event["message"] == f"downloaded 2 of {whole / MEBIBYTE:,.0f} MiB"
    assert event["fraction"] == pytest.approx(0.7 * 2 * MEBIBYTE / whole, abs=1e-4)

    server.release.set()
    folder = fetch_kaggle_dataset(FACES, tmp_path / "data", version=1)
    assert server.named("archive.zip")[-1].headers["range"] == f"bytes={2 * MEBIBYTE}-"
    assert contents(folder) == faces


def test_a_refusal_is_not_taken_for_the_archive(server, account, hasty_client, faces, tmp_path):
    server.cuts, server.expires_after = [MEBIBYTE], 1
    message = fails(FACES, tmp_path)
    assert "broke off and could not go on" in message and "downloaded afresh" in message
    assert not list(tmp_path.glob("*.zip*"))
    server.expires_after = None
    assert contents(fetch_kaggle_dataset(FACES, tmp_path, version=1)) == faces


def test_two_runs_at_once_download_once(server, account, faces, tmp_path):
    with ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(fetch_kaggle_dataset, FACES, tmp_path, version=1) for _ in range(2)]
    assert [call.result() for call in calls] == [tmp_path / "files"] * 2
    assert contents(tmp_path / "files") == faces
    assert len(server.named("DownloadDataset")) == 1


def test_a_partial_archive_of_other_bytes_is_not_continued(
    server, account, hasty_client, faces, tmp_path
):
    server.cuts = [MEBIBYTE] + [0] * 5
    server.archives[FACES, 1] = zipped({**faces, "more.jpg": jpeg(99)})
    fails(FACES, tmp_path)
    server.archives[FACES, 1] = zipped(faces)
    assert contents(fetch_kaggle_dataset(FACES, tmp_path, version=1)) == faces
    assert "range" not in server.named("archive.zip")[-1].headers


def test_damaged_and_missing_files_are_named_and_repaired(server, account, faces, tmp_path, capsys):
    folder = fetch_kaggle_dataset(FACES, tmp_path, version=1)
    damaged, missing = "Final Dataset/Fake/00003.jpg", "Final Dataset/Real/00002.jpg"
    (folder / damaged).write_bytes(b"short")
    (folder / missing).unlink()
    capsys.readouterr()

    assert fetch_kaggle_dataset(FACES, tmp_path, version=1) == folder

    said = capsys.readouterr().out
    assert "2 damaged or missing files" in said
    assert f"{damaged}: 5 bytes instead of {len(faces[damaged]):,}" in said
    assert f"{missing}: missing" in said
    assert contents(folder) == faces
    assert len(server.named("DownloadDataset")) == 2


def test_an_archive_that_was_not_yet_extracted_is_not_downloaded_again(
    server, account, faces, tmp_path
):
    fetch_kaggle_dataset(FACES, tmp_path, version=1)
    shutil.rmtree(tmp_path / "files")
    (tmp_path / "version-1.zip").write_bytes(server.archives[FACES, 1])
    sent = sum(len(server.archives[FACES, 1]) for _ in server.named("archive.zip"))

    folder = fetch_kaggle_dataset(FACES, tmp_path, version=1)

    assert contents(folder) == faces
    assert not (tmp_path / "version-1.zip").exists()
    assert sent == len(server.archives[FACES, 1])


@pytest.mark.parametrize("kind", ["token", "token file", "key", "key file", "login"])
def test_every_way_to_log_in(kind, server, no_account, monkeypatch, tmp_path):
    if kind == "token":
        monkeypatch.setenv("KAGGLE_API_TOKEN", TOKEN)
    elif kind == "token file":
        (no_account / ".kaggle").mkdir()
        (no_account / ".kaggle" / "access_token").write_text(TOKEN + "\n")
    elif kind == "key":
        monkeypatch.setenv("KAGGLE_USERNAME", USERNAME)
        monkeypatch.setenv("KAGGLE_KEY", KEY)
    elif kind == "login":
        login = {"refresh_token": "r", "access_token": TOKEN, "username": USERNAME,
                 "access_token_expiration": "2100-01-01T00:00:00+00:00", "scopes": []}  # fmt: skip
        (no_account / ".kaggle").mkdir()
        (no_account / ".kaggle" / "credentials.json").write_text(json.dumps(login))
    else:
        (no_account / "kaggle.json").write_text(json.dumps({"username": USERNAME, "key": KEY}))
    fetch_kaggle_dataset(STYLEGAN, tmp_path / "data", version=1)
    scheme = "Basic" if "key" in kind else "Bearer"
    assert server.named("DownloadDataset")[0].headers["authorization"].startswith(scheme)


def test_without_credentials_the_ways_to_give_them_are_named(server, no_account, tmp_path, capsys):
    message = fails(FACES, tmp_path / "data", UsageError)
    assert message.startswith("There are no credentials for Kaggle.")
    for way in ("KAGGLE_API_TOKEN", "~/.kaggle/access_token", "KAGGLE_USERNAME and KAGGLE_KEY",
                "~/.kaggle/kaggle.json", "`kaggle auth login`"):  # fmt: skip
        assert way in message
    assert server.requests == []
    assert capsys.readouterr().out == ""


def test_a_rejected_token_is_not_called_missing(no_account, monkeypatch, tmp_path):
    monkeypatch.setenv("KAGGLE_API_TOKEN", "KGAT_revoked")
    message = fails(FACES, tmp_path / "data", UsageError)
    assert "does not accept the access token from KAGGLE_API_TOKEN" in message
    assert "KGAT_revoked" not in message


def test_a_wrong_key(no_account, monkeypatch, tmp_path):
    monkeypatch.setenv("KAGGLE_USERNAME", USERNAME)
    monkeypatch.setenv("KAGGLE_KEY", "wrong")
    message = fails(FACES, tmp_path / "data", UsageError)
    assert "does not accept these credentials (401)" in message
    assert "kaggle auth login" in message


@pytest.mark.parametrize(
    ("status", "headers", "words"),
    [
        (403, {}, "(403): it is private, its terms are not accepted yet, or there is none"),
        (404, {}, f"Kaggle has no dataset {FACES}, version 1, (404)"),
        (429, {"Retry-After": "30"}, "run again in 30 seconds"),
        (429, {}, "run again in some minutes"),
        (500, {}, "Kaggle's server failed on"),
    ],
)
def test_refusals_say_what_to_do(status, headers, words, server, account, tmp_path):
    server.failures["DownloadDataset"] = status, headers
    message = fails(FACES, tmp_path)
    assert words in message and f"({status})" in message
    assert "to fix:" in message
    assert not (tmp_path / "files").exists()


def test_a_version_that_is_not_there(account, tmp_path):
    assert "Kaggle has no dataset" in fails(FACES, tmp_path, version=9)


def test_no_network(server, account, tmp_path):
    server.stop()
    message = fails(FACES, tmp_path)
    assert f"The download of {FACES} stopped" in message
    assert "a network connection to kaggle.com" in message


def test_too_little_disk_is_said_before_the_download(server, account, tmp_path, monkeypatch):
    server.archives[FACES, 1] = zipped({f"Real/{index}.jpg": jpeg(index) for index in range(90)})
    size = len(server.archives[FACES, 1])
    assert size > 10 * MEBIBYTE
    free = 2 * size
    monkeypatch.setattr(shutil, "disk_usage", lambda path: USAGE(2**40, 2**40 - free, free))
    message = fails(FACES, tmp_path)
    assert f"Too little disk space for downloading {FACES}" in message
    assert f"{free / 2**30:.2f} GiB free" in message
    assert f"at least {2.2 * size / 2**30:.2f} GiB" in message
    assert not (tmp_path / "version-1.zip").exists()


def test_a_damaged_archive_is_deleted_so_that_the_next_run_heals(server, account, faces, tmp_path):
    good = server.archives[FACES, 1]
    picture = faces["Final Dataset/Real/00004.jpg"]
    place = good.index(b"Final Dataset/Real/00004.jpg") + len(picture) // 2
    server.archives[FACES, 1] = good[:place] + bytes(16) + good[place + 16 :]
    message = fails(FACES, tmp_path)
    assert "came damaged and was deleted" in message
    assert "Final Dataset/Real/00004.jpg" in message
    assert not (tmp_path / "files").exists() and not list(tmp_path.glob("*.zip*"))

    server.archives[FACES, 1] = good
    assert contents(fetch_kaggle_dataset(FACES, tmp_path, version=1)) == faces


def test_a_hostile_archive_writes_nothing(server, account, tmp_path):
    server.archives[FACES, 1] = zipped({"ok.jpg": b"1", "../../escaped.jpg": b"2"})
    message = fails(FACES, tmp_path / "data")
    assert "'../../escaped.jpg' points outside the folder" in message
    assert not (tmp_path / "escaped.jpg").exists()
    assert not (tmp_path / "data" / "files").exists()


def test_a_folder_that_cannot_be_made(account, tmp_path):
    (tmp_path / "file").write_text("in the way")
    assert "cannot be written" in fails(FACES, tmp_path / "file" / "data")


@pytest.mark.parametrize(
    "handle", ["faces", "a/b/c", "https://www.kaggle.com/datasets/a/b", "a/../b", "a/b c", ""]
)
def test_malformed_handles(handle, tmp_path):
    assert "owner/slug" in fails(handle, tmp_path, UsageError)


@pytest.mark.parametrize("version", [0, -1, "2", 1.0, True])
def test_malformed_versions(version, tmp_path):
    assert "a whole number from 1" in fails(FACES, tmp_path, UsageError, version)


@pytest.mark.parametrize("layout", ["deepfake-face-images", f"datasets/{FACES}"])
def test_on_kaggle_the_mounted_input_is_used(layout, faces, no_account, tmp_path, monkeypatch):
    monkeypatch.setenv("KAGGLE_KERNEL_RUN_TYPE", "Batch")
    monkeypatch.setenv("UNMASK_KAGGLE_INPUT", str(tmp_path / "input"))
    mount = tmp_path / "input" / layout
    for name, data in faces.items():
        (mount / name).parent.mkdir(parents=True, exist_ok=True)
        (mount / name).write_bytes(data)
    assert fetch_kaggle_dataset(FACES, tmp_path / "data", version=1) == mount
    assert not (tmp_path / "data").exists()


def test_on_kaggle_a_missing_input_is_named(server, account, tmp_path, monkeypatch):
    monkeypatch.setenv("KAGGLE_KERNEL_RUN_TYPE", "Interactive")
    monkeypatch.setenv("UNMASK_KAGGLE_INPUT", str(tmp_path))
    (tmp_path / "deepfake-face-images").mkdir()
    message = fails(FACES, tmp_path / "data")
    assert str(tmp_path / "deepfake-face-images") in message
    assert str(tmp_path / "datasets" / FACES) in message
    assert f"Add Input > Datasets > {FACES}" in message
    assert server.requests == []
