"""The loopback Kaggle keeps the contract that the real client speaks."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests
from cloud import Cloud
from cloud_http import KEY, USERNAME
from nbformat.v4 import new_code_cell, new_notebook, writes

SHAPE = "NvidiaTeslaT4"


def leave_files(source, inputs, working, **options):
    """Runs a kernel in no time: each cell names a file to leave, and fails if it says so."""
    working.mkdir(parents=True)
    options["tell"]("started\n")
    for cell in json.loads(source)["cells"]:
        name = "".join(cell["source"])
        (working / name).write_text(f"{name} {sorted(inputs)}")
    failed = name == "fail"
    options["stop"].wait(30 if name == "wait" else 0)
    return type("Outcome", (), {"returncode": int(failed), "stopped": options["stop"].is_set()})


@pytest.fixture
def cloud(tmp_path):
    with Cloud(tmp_path, execute=leave_files) as cloud:
        yield cloud


@pytest.fixture
def client(cloud, monkeypatch, tmp_path):
    """The real client, in this process, signed in."""
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("KAGGLE_USERNAME", USERNAME)
    monkeypatch.setenv("KAGGLE_KEY", KEY)
    monkeypatch.setenv("HOME", str(tmp_path))
    from kaggle.api.kaggle_api_extended import KaggleApi
    from kagglesdk import kaggle_env

    endpoints = kaggle_env._env_to_endpoint
    monkeypatch.setitem(endpoints, kaggle_env.KaggleEnv.LOCAL, cloud.address)
    monkeypatch.setattr(KaggleApi, "args", ["--local"])
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("time.sleep", lambda seconds, sleep=time.sleep: sleep(min(seconds, 0.05)))
    api = KaggleApi()
    api.authenticate()
    return api


def dataset_folder(folder: Path) -> Path:
    (folder / "lib" / "pack").mkdir(parents=True)
    (folder / "lib" / "pack" / "one.py").write_text("1")
    (folder / "empty.txt").write_text("")
    (folder / "unmask.json").write_text('{"digest": "a"}')
    about = {"id": "ada/unmask-code", "title": "unmask-code", "licenses": [{"name": "apache-2.0"}]}
    (folder / "dataset-metadata.json").write_text(json.dumps(about))
    return folder


def kernel_folder(folder: Path, *cells: str, slug: str = "unmask-one", **more) -> Path:
    folder.mkdir(exist_ok=True)
    source = writes(new_notebook(cells=[new_code_cell(cell) for cell in cells]))
    (folder / "kernel.ipynb").write_text(source)
    about = {
        "id": f"ada/{slug}", "title": slug, "code_file": "kernel.ipynb", "language": "python",
        "kernel_type": "notebook", "enable_internet": False, **more,
    }  # fmt: skip
    (folder / "kernel-metadata.json").write_text(json.dumps(about))
    return folder


def wait_for(client, slug="ada/unmask-one"):
    """Asks until the session is over; returns its last status."""
    while True:
        answer = client.kernels_status(slug)
        if answer.status.name not in ("QUEUED", "RUNNING", "CANCEL_REQUESTED"):
            return answer
        time.sleep(0.02)


def test_a_dataset_is_made_becomes_ready_and_gets_a_version(cloud, client, tmp_path):
    folder = dataset_folder(tmp_path / "pack")
    with pytest.raises(requests.HTTPError, match="denied"):
        client.dataset_status("ada/unmask-code")
    made = client.dataset_create_new(str(folder), quiet=True, dir_mode="zip")
    assert (made.status, made.error) == ("ok", "")
    seen = [client.dataset_status("ada/unmask-code") for _ in range(2)]
    assert seen == ["blobs_received", "ready"]
    files = client.dataset_list_files("ada/unmask-code").files
    assert {file.name: file.total_bytes for file in files} == {
        "empty.txt": 0, "lib/pack/one.py": 1, "unmask.json": 15,
    }  # fmt: skip
    (folder / "unmask.json").write_text('{"digest": "b"}')
    cloud.faults.add("failed", on="unmask-code")
    client.dataset_create_version(str(folder), "again", quiet=True, dir_mode="zip")
    assert [client.dataset_status("ada/unmask-code") for _ in range(2)][-1] == "failed"
    client.dataset_download_file("ada/unmask-code", "unmask.json", path=str(tmp_path / "a"))
    assert (tmp_path / "a" / "unmask.json").read_text() == '{"digest": "a"}'
    client.dataset_create_version(str(folder), "again", quiet=True, dir_mode="zip")
    client.dataset_status("ada/unmask-code")
    client.dataset_download_files("ada/unmask-code", path=str(tmp_path / "b"), unzip=True)
    assert (tmp_path / "b" / "unmask.json").read_text() == '{"digest": "b"}'
    assert (tmp_path / "b" / "lib" / "pack" / "one.py").read_text() == "1"


@pytest.mark.parametrize("kind", ["cut", "drop", "lost_answer"])
def test_a_broken_upload_is_resumed(cloud, client, tmp_path, kind):
    cloud.faults.add(kind, on="upload", at=5)
    client.dataset_create_new(str(dataset_folder(tmp_path / "pack")), quiet=True, dir_mode="zip")
    client.dataset_status("ada/unmask-code")
    client.dataset_download_file("ada/unmask-code", "unmask.json", path=str(tmp_path))
    assert (tmp_path / "unmask.json").read_text() == '{"digest": "a"}'


def test_a_chain_of_kernels_and_its_output_in_pages(cloud, client, tmp_path):
    cloud.faults.add("queue", on="unmask-one", polls=2)
    first = client.kernels_push(str(kernel_folder(tmp_path / "one", *"abcde")))
    assert (first.error, first.version_number, first.invalid_kernel_sources) == ("", 1, [])
    assert [client.kernels_status("ada/unmask-one").status.name for _ in range(2)] == ["QUEUED"] * 2
    assert wait_for(client).status.name == "COMPLETE"
    folder = kernel_folder(
        tmp_path / "two", "f", slug="unmask-two", kernel_sources=["ada/unmask-one"],
        dataset_sources=["ada/nothing"],
    )  # fmt: skip
    second = client.kernels_push(str(folder))
    assert second.invalid_dataset_sources == ["ada/nothing"]
    assert wait_for(client, "ada/unmask-two").status.name == "COMPLETE"
    files, _ = client.kernels_output("ada/unmask-one", str(tmp_path / "out"), page_size=2)
    names = sorted(Path(name).name for name in files)
    assert names == [*"abcde", "unmask-one.log"]
    assert cloud.count("ListKernelSessionOutput") == 3
    client.kernels_output("ada/unmask-two", str(tmp_path / "out"))
    assert (tmp_path / "out" / "f").read_text() == "f ['notebook:ada/unmask-one']"
    assert "".join(event["data"] for event in client.kernels_logs_stream("ada/unmask-two"))


def test_ends_of_sessions(cloud, client, tmp_path):
    ends = {}
    for slug, cell, kind in (
        ("unmask-error", "fail", ""), ("unmask-dead", "wait", "die"),
        ("unmask-gone", "wait", "cancel"), ("unmask-late", "wait", ""),
    ):  # fmt: skip
        if kind:
            cloud.faults.add(kind, on=slug, message="out of memory")
        client.kernels_push(str(kernel_folder(tmp_path / slug, cell, slug=slug)))
        if slug == "unmask-late":
            cloud.kernels.latest("ada", slug).cancel()
        ends[slug] = wait_for(client, f"ada/{slug}")
        if ends[slug].status.name == "ERROR":
            files, _ = client.kernels_output(f"ada/{slug}", str(tmp_path / "out"))
            assert [Path(name).suffix for name in files] == [".log"]
        else:
            with pytest.raises(ValueError, match="Cannot access kernel"):
                client.kernels_output(f"ada/{slug}", str(tmp_path / "out"))
    states = {slug: end.status.name for slug, end in ends.items()}
    assert states == {
        "unmask-error": "ERROR", "unmask-dead": "ERROR", "unmask-gone": "CANCEL_ACKNOWLEDGED",
        "unmask-late": "CANCEL_ACKNOWLEDGED",
    }  # fmt: skip
    assert ends["unmask-dead"].failure_message == "out of memory"
    assert "killed due to a requested cancel" in ends["unmask-late"].failure_message


def test_limits_are_told_with_status_200(cloud, client, tmp_path):
    pushes = {}
    for name in ("one", "two", "three"):
        folder = kernel_folder(tmp_path / name, "wait", slug=f"unmask-{name}", machine_shape=SHAPE)
        pushes[name] = client.kernels_push(str(folder)).error
    assert pushes == {
        "one": "",
        "two": "",
        "three": "Maximum batch GPU session count of 2 reached.",
    }
    cloud.gpu_seconds_before = 30 * 3600
    folder = kernel_folder(tmp_path / "four", "a", slug="unmask-four", machine_shape=SHAPE)
    error = client.kernels_push(str(folder)).error
    assert error == "Maximum weekly GPU quota of 30.00 hours reached."
    quota = client.quota_view().gpu_quota
    assert quota.time_used.total_seconds() >= quota.total_time_allowed.total_seconds() == 108000
    assert cloud.pushes() == {"unmask-one": 1, "unmask-two": 1}


def test_a_title_must_fit_and_a_source_must_be_small(cloud, client, tmp_path):
    with pytest.raises(requests.HTTPError, match="between 5 and 50"):
        client.kernels_push(str(kernel_folder(tmp_path / "long", "a", title="x" * 51)))
    with pytest.raises(requests.HTTPError, match="1 megabyte"):
        client.kernels_push(str(kernel_folder(tmp_path / "large", "x" * 1_000_001)))
    client.kernels_push(str(kernel_folder(tmp_path / "other", "a", title="Another Title")))
    assert cloud.pushes() == {"another-title": 1}


def test_faults_of_requests_and_of_storage(cloud, client, tmp_path):
    client.kernels_push(str(kernel_folder(tmp_path / "one", "abcdefgh")))
    wait_for(client)
    cloud.faults.add(
        "status", on="GetKernelSessionStatus", status=429, headers={"Retry-After": "7"}
    )
    with pytest.raises(requests.HTTPError) as refused:
        client.kernels_status("ada/unmask-one")
    assert refused.value.response.status_code == 429
    assert refused.value.response.headers["Retry-After"] == "7"
    for kind in ("drop", "lost_answer"):
        cloud.faults.add(kind, on="GetKernelSessionStatus")
        with pytest.raises(requests.ConnectionError):
            client.kernels_status("ada/unmask-one")
    listing = {"userName": "ada", "kernelSlug": "unmask-one"}
    whole = b"abcdefgh []"
    cloud.faults.add("expired", on="abcdefgh")
    address = cloud.call("ListKernelSessionOutput", listing)["files"][0]["url"]
    assert [requests.get(address).status_code for _ in range(2)] == [403, 403]
    address = cloud.call("ListKernelSessionOutput", listing)["files"][0]["url"]
    cloud.faults.add("cut", on="storage", at=4)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        requests.get(address)
    rest = requests.get(address, headers={"Range": "bytes=4-"})
    assert (rest.status_code, rest.content) == (206, whole[4:])
    for how, content in (("truncated", whole[:5]), ("changed", b"abcde\x67gh []")):
        cloud.faults.add("damage", on="unmask-one/abcdefgh", how=how)
        address = cloud.call("ListKernelSessionOutput", listing)["files"][0]["url"]
        assert requests.get(address).content == content
    client.kernels_push(str(kernel_folder(tmp_path / "one", "new")))
    wait_for(client)
    cloud.faults.add("stale", on="unmask-one")
    names = [cloud.call("ListKernelSessionOutput", listing)["files"][0]["fileName"] for _ in "ab"]
    assert names == ["abcdefgh", "new"]


def test_nobody_enters_without_the_key(cloud):
    address = f"{cloud.address}/api/v1/kernels.KernelsApiService/ListKernels"
    assert requests.post(address, json={}).status_code == 401
    assert requests.post(address, json={}, auth=(USERNAME, "wrong")).status_code == 401


def test_the_command_comes_here_and_the_pushed_kernel_is_executed(tmp_path):
    with Cloud(tmp_path) as cloud:
        folder = kernel_folder(tmp_path / "one", "print('hello')\nopen('left', 'w').close()")
        code = "import sys; from kaggle.cli import main; sys.argv[0] = 'kaggle'; sys.exit(main())"
        command = [sys.executable, "-c", code, "kernels", "push", "-p", str(folder)]
        environment = cloud.environment(token=True)
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert "Kernel version 1 successfully pushed" in done.stdout, done.stdout + done.stderr
        session = cloud.kernels.latest("ada", "unmask-one")
        events = list(session.follow())
        assert (session.state, [event["data"] for event in events]) == ("COMPLETE", ["hello\n"])
        assert cloud.kernels.output_names(session) == ["left"]
