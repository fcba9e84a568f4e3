"""What a kernel leaves comes back as it was, and nothing else comes with it."""

import io
import json
import os
import tarfile
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from unmask.errors import DataError
from unmask.runs import sha256_file, write_json
from unmask.session.archives import extract_tar, write_tar
from unmask.session.ledgers import merge_ledgers
from unmask.session.outputs import MANIFEST, pack, read_manifest, restore, restore_all

REQUEST = {"run_id": "0a1b2c3d", "key": "k", "part": 1}
DONE = {"status": "done", "seconds": 1.5, "message": ""}

names = some.text(
    some.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters='/\\:*?"<>|.'),
    min_size=1,
    max_size=12,
)
trees = some.dictionaries(
    some.lists(names, min_size=1, max_size=3).map("/".join), some.binary(max_size=300), max_size=6
)


def write_tree(folder: Path, tree: dict[str, bytes]) -> None:
    for name, content in tree.items():
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        except OSError:  # a file where another name wants a folder
            continue


def read_tree(folder: Path) -> dict[str, bytes | None]:
    """Every file below `folder`, and every empty folder as None."""
    found = {}
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        if path.is_file():
            found[name] = path.read_bytes()
        elif not any(path.iterdir()):
            found[name] = None
    return found


def make_home(folder: Path) -> Path:
    """A home in which download and preprocess of the profile tiny have run."""
    write_tree(
        folder,
        {
            "runs/tiny/download/files.parquet": b"files",
            "runs/tiny/preprocess/faces.parquet": b"faces",
            "runs/tiny/preprocess/faces_8.npy": b"pixels" * 10,
            "runs/tiny/preprocess/shards/one/a.npz": b"1",
            "runs/tiny/audit/audit.json": b"{}",
            "runs/tiny/.lock": b"",
            "runs/test_ledger.jsonl": b'{"time": "2026-01-01T00:00:00", "run": "tiny"}\n',
            "data/demo-7/real/a.png": b"picture",
            "reports/tiny/index.html": b"<html>",
            "notebooks/01.ipynb": b"{}",
        },
    )
    return folder


def pack_home(home: Path, steps: tuple[str, ...] = ("download", "preprocess")) -> dict:
    return pack(home, "tiny", steps, REQUEST, dict.fromkeys(steps, DONE), home)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(tree=trees)
def test_any_tree_comes_back_as_it_was(tmp_path_factory, tree):
    folder = tmp_path_factory.mktemp("tree")
    (folder / "home/runs/tiny/step/empty").mkdir(parents=True)
    write_tree(folder / "home/runs/tiny/step", tree)
    before = read_tree(folder / "home/runs/tiny/step")
    pack(folder / "home", "tiny", ["step"], REQUEST, {"step": DONE}, folder / "out")
    restore(folder / "out", folder / "back")
    assert read_tree(folder / "back/runs/tiny/step") == before


def test_only_outputs_and_reports_remain(tmp_path):
    home = make_home(tmp_path)
    (home / "__notebook__.ipynb").write_text("{}")
    manifest = pack_home(home)
    assert set(read_tree(home)) == {
        *("__notebook__.ipynb", MANIFEST, "results.tar", "data.tar", "faces/faces_8.npy"),
        "reports/tiny/index.html",
    }
    assert manifest == read_manifest(home)
    assert {name: manifest[name] for name in ("format", "run_id", "key", "part", "profile")} == {
        "format": 1, "run_id": "0a1b2c3d", "key": "k", "part": 1, "profile": "tiny",
    }  # fmt: skip
    for item in manifest["files"]:
        assert item["bytes"] == (home / item["path"]).stat().st_size
        assert item["sha256"] == sha256_file(home / item["path"])
    with tarfile.open(home / "results.tar") as archive:
        assert archive.getnames() == [
            "runs/test_ledger.jsonl",
            "runs/tiny/download/files.parquet",
            "runs/tiny/preprocess/faces.parquet",
            "runs/tiny/preprocess/shards/one/a.npz",
        ]


def test_an_output_comes_back_at_home(tmp_path):
    out = make_home(tmp_path / "out")
    before = read_tree(out)
    pack_home(out)
    sentences = restore(out, tmp_path / "home")
    gone = {"runs/tiny/audit/audit.json", "runs/tiny/.lock", "reports/tiny/index.html"}
    gone |= {"notebooks/01.ipynb"}
    back = read_tree(tmp_path / "home")
    back.pop("runs/test_ledger.jsonl.lock", None)
    assert back == {name: content for name, content in before.items() if name not in gone}
    assert sentences == [
        "From out: download, preprocess of the profile tiny, with faces_8.npy, data/demo-7."
    ]


def test_on_kaggle_pictures_are_extracted_once_beside_the_home(tmp_path, monkeypatch):
    out = make_home(tmp_path / "out")
    pack_home(out)
    monkeypatch.setenv("KAGGLE_KERNEL_RUN_TYPE", "Batch")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    for number in (1, 2):
        home = tmp_path / f"home{number}"
        restore(out, home)
        # The folder is no link: a download that goes on notes where its pictures really lie.
        assert (home / "data/demo-7").resolve() == home / "data/demo-7"
        assert (home / "data/demo-7/real").is_symlink()
        assert (home / "data/demo-7/real/a.png").read_bytes() == b"picture"
    assert len(list((tmp_path / "scratch/unmask").iterdir())) == 1
    pack_home(tmp_path / "home1", ("preprocess",))
    assert not (tmp_path / "home1/data.tar").exists()
    assert not (tmp_path / "home1/data").exists()
    pack_home(tmp_path / "home2")
    with tarfile.open(tmp_path / "home2/data.tar") as archive:
        assert archive.getnames() == ["data/demo-7/real/a.png"]


def test_the_newest_output_of_a_step_stays(tmp_path):
    for number, (name, content) in enumerate((("new", b"second"), ("old", b"first"))):
        out = make_home(tmp_path / name)
        (out / "runs/tiny/download/files.parquet").write_bytes(content)
        pack_home(out, ("download",))
        manifest = read_manifest(out)
        write_json(out / MANIFEST, {**manifest, "ended": f"2026-01-0{3 - number}T00:00:00+00:00"})
    restore_all([tmp_path / "new", tmp_path / "old"], tmp_path / "home")
    assert (tmp_path / "home/runs/tiny/download/files.parquet").read_bytes() == b"second"


def test_what_was_not_fetched_is_left_out(tmp_path):
    out = make_home(tmp_path / "out")
    pack_home(out)
    (out / "data.tar").unlink()
    (out / "faces/faces_8.npy").unlink()
    assert restore(out, tmp_path / "home") == [
        "From out: download, preprocess of the profile tiny."
    ]
    assert not (tmp_path / "home/data").exists()


def test_a_folder_without_a_manifest_is_no_output(tmp_path):
    (tmp_path / MANIFEST).write_text("[1]")
    assert read_manifest(tmp_path) is None and read_manifest(tmp_path / "nowhere") is None
    assert restore(tmp_path, tmp_path / "home") == []


def test_equal_work_gives_equal_archives(tmp_path):
    for name in ("one", "two"):
        home = make_home(tmp_path / name)
        for path in sorted(home.rglob("*"), reverse=name == "two"):
            os.utime(path, (1_700_000_000, 1_700_000_000.0))
        pack_home(home)
    assert sha256_file(tmp_path / "one/results.tar") == sha256_file(tmp_path / "two/results.tar")
    assert sha256_file(tmp_path / "one/data.tar") == sha256_file(tmp_path / "two/data.tar")


def test_on_a_crowded_disk_files_make_room_for_their_archive(tmp_path, monkeypatch):
    home = make_home(tmp_path)
    before = read_tree(home / "runs/tiny/download")
    monkeypatch.setattr("shutil.disk_usage", lambda place: SimpleNamespace(free=5))
    content = [(path.name, path) for path in (home / "runs/tiny/download").iterdir()]
    write_tar(tmp_path / "a.tar", content)
    assert read_tree(home / "runs/tiny/download") == {}
    extract_tar(tmp_path / "a.tar", tmp_path / "back", ("files.parquet",))
    assert read_tree(tmp_path / "back") == before


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def cut(path):
    path.write_bytes(path.read_bytes()[:-9])


@pytest.mark.parametrize(
    ("harm", "name"),
    [
        *((harm, "results.tar") for harm in (flip, cut, os.remove)),
        *((harm, "data.tar") for harm in (flip, cut)),
        (cut, "faces/faces_8.npy"),
    ],
)
def test_a_damaged_file_is_named_and_nothing_is_replaced(tmp_path, harm, name):
    out = make_home(tmp_path / "out")
    pack_home(out)
    harm(out / name)
    write_tree(tmp_path / "home", {"runs/tiny/download/files.parquet": b"mine"})
    with pytest.raises(DataError, match=Path(name).name) as caught:
        restore(out, tmp_path / "home")
    assert "is damaged" in str(caught.value)
    if name == "results.tar":
        kept = tmp_path / "home/runs/tiny/download/files.parquet"
        assert kept.read_bytes() == b"mine"
    assert not [path for path in (tmp_path / "home").iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize(
    "name", ["../out", "/etc/out", "runs/tiny/../../out", "other/out", "runs/tinyother/out"]
)
def test_a_name_that_leads_elsewhere_is_refused(tmp_path, name):
    _refused(tmp_path, tarfile.TarInfo(name))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_refused(tmp_path, kind):
    entry = tarfile.TarInfo("runs/tiny/step/out")
    entry.type, entry.linkname = kind, "/etc/passwd"
    _refused(tmp_path, entry)


def _refused(folder: Path, entry: tarfile.TarInfo) -> None:
    with tarfile.open(folder / "results.tar", "w") as archive:
        archive.addfile(entry, io.BytesIO())
    home = folder / "deep" / "home"
    home.parent.mkdir()
    with pytest.raises(DataError, match="does not belong in it"):
        extract_tar(folder / "results.tar", home, ("runs/tiny",))
    assert {path.name for path in folder.rglob("*")} == {"results.tar", "deep"}


def test_an_array_that_wants_another_place_is_refused(tmp_path):
    out = make_home(tmp_path / "out")
    manifest = pack_home(out)
    manifest["files"][-2]["place"] = "runs/tiny/../../../faces_8.npy"
    write_json(out / MANIFEST, manifest)
    with pytest.raises(DataError, match="does not belong"):
        restore(out, tmp_path / "home")


def test_an_output_of_a_newer_unmask_is_refused(tmp_path):
    write_json(tmp_path / MANIFEST, {"format": 2, "profile": "tiny", "files": []})
    with pytest.raises(DataError, match="format 2"):
        restore(tmp_path, tmp_path / "home")


def test_the_state_of_all_follows_from_the_state_of_each(tmp_path):
    for found, expected in (
        (("done", "unchanged"), "done"),
        (("done", "partial", "not run"), "partial"),
        (("partial", "failed"), "failed"),
    ):
        statuses = {str(place): {"status": status} for place, status in enumerate(found)}
        manifest = pack(tmp_path, "tiny", [], REQUEST, statuses, tmp_path)
        assert manifest["status"] == expected
    broken = pack(tmp_path, "tiny", [], REQUEST, {}, tmp_path, message="no space")
    assert broken["status"] == "failed" and broken["message"] == "no space"


def test_ledgers_merge_by_time_and_keep_every_line_once(tmp_path):
    first, second, third = (
        json.dumps({"time": f"2026-01-0{day}", "run": "tiny"}) for day in (1, 2, 3)
    )
    (tmp_path / "one").write_text(f"{third}\n{first}\n{first}\nbroken\n")
    (tmp_path / "two").write_text(f"{first}\n{second}")
    sources = [tmp_path / "one", tmp_path / "two", tmp_path / "missing"]
    assert merge_ledgers(sources, tmp_path / "one") == 5
    merged = (tmp_path / "one").read_text()
    assert Counter(merged.splitlines()) == Counter([first, first, second, third, "broken"])
    assert [line for line in merged.splitlines() if line != "broken"] == [
        first,
        first,
        second,
        third,
    ]
    assert merge_ledgers(sources, tmp_path / "one") == 5
    assert (tmp_path / "one").read_text() == merged


def test_a_tar_of_nothing_is_whole(tmp_path):
    write_tar(tmp_path / "a.tar", [])
    extract_tar(tmp_path / "a.tar", tmp_path / "out", ())
    assert read_tree(tmp_path / "out") == {}
