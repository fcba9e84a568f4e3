"""Ten times the pictures, the same peak of memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

BENCHMARK = Path(__file__).resolve().parents[2] / "benchmarks" / "memory_preprocess.py"


def test_memory_does_not_grow_with_the_dataset():
    done = subprocess.run(
        [sys.executable, str(BENCHMARK), "--pictures", "300", "--size", "128"],
        check=True,
        capture_output=True,
        text=True,
    )
    result = json.loads(done.stdout)
    assert (result["few"]["faces"], result["many"]["faces"]) == (300, 3000)
    # 2,700 more faces of 128 px are 127 MiB, most of what the libraries alone take
    assert result["many"]["peak_mib"] < 1.15 * result["few"]["peak_mib"]
