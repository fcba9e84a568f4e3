"""SIGKILL in the middle: the next call goes on, and its files are those of an unbroken one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pandas as pd
from unmask.dataset.preprocess import build_faces
from unmask.dataset.settings import PreprocessSettings
from unmask.dataset.shards import Shards

SETTINGS = PreprocessSettings(size=64, jobs=2, shard_size=10)
PROGRAM = """
import sys
import pandas as pd
from unmask.dataset.preprocess import build_faces
from unmask.dataset.settings import PreprocessSettings
files = pd.read_parquet(sys.argv[1])
build_faces(files, sys.argv[2], PreprocessSettings(size=64, jobs=2, shard_size=10))
"""


def kill_after_shards(files_path, folder, shards: int) -> None:
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(files_path), str(folder)])
    deadline = time.monotonic() + 60
    while len(list((folder / "shards").glob("*.parquet"))) < shards:
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.001)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def contents(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_killed_twice_and_run_again(tmp_path, pictures, list_files):
    files = list_files(pictures(tmp_path / "in", 200, side=400))
    files.to_parquet(tmp_path / "files.parquet")
    folder = tmp_path / "killed"
    kill_after_shards(tmp_path / "files.parquet", folder, 3)
    (folder / ".faces_64.1.partial.npy").write_bytes(b"left over")
    done = {path: path.stat().st_mtime_ns for path in (folder / "shards").glob("*.parquet")}
    assert 3 <= len(done) < 40
    kill_after_shards(tmp_path / "files.parquet", folder, len(done) + 3)
    assert all(path.stat().st_mtime_ns == written for path, written in done.items())
    assert not (folder / "faces.parquet").exists()
    build_faces(files, folder, SETTINGS)
    build_faces(files, tmp_path / "whole", SETTINGS)
    assert contents(folder) == contents(tmp_path / "whole")
    assert {"faces.parquet", "faces_64.npy", "rejected.parquet"} < set(contents(folder))


def test_shards_of_other_files_or_settings_are_discarded(tmp_path, pictures, list_files):
    files = list_files(pictures(tmp_path / "in", 20))
    half = files.iloc[::2].sort_values("path", ignore_index=True)
    for other, settings in ((half, SETTINGS), (files, PreprocessSettings(size=32, shard_size=10))):
        stale = Shards(tmp_path / "out" / "shards", other, settings)
        stale.discard_stale()
        stale.decode_missing()
        assert stale.is_done(0)
        Shards(stale.folder, files, SETTINGS).discard_stale()
        assert not stale.is_done(0)
    again = Shards(stale.folder, files, SETTINGS)
    again.decode_missing()
    again.discard_stale()
    assert again.is_done(3)
    assert len(again.table()) == 40


def test_plan_counts_the_frames_of_clips(tmp_path):
    files = pd.DataFrame({"kind": ["image"] * 5 + ["video"] * 3 + ["image"] * 2})
    settings = PreprocessSettings(shard_size=4, frames_per_clip=3)
    plan = Shards(tmp_path, files, settings).plan()
    assert [place for places in plan for place in places] == list(range(10))
    weights = [1] * 5 + [3] * 3 + [1] * 2
    assert max(sum(weights[place] for place in places) for places in plan) <= 4 + 2
