"""The precision follows the device."""

import pytest
from unmask.errors import UsageError
from unmask.session.processor import available_cores, share_of_cores
from unmask.training.precision import (
    choose_precision,
    cpu_flags,
    describe_device,
    fastest_precision,
)

AMX = frozenset({"sse2", "avx512_bf16", "amx_tile", "amx_bf16"})


@pytest.mark.parametrize(
    ("gpus", "flags", "expected"),
    [
        ([(9, 0)], frozenset(), "mixed_bfloat16"),
        ([(8, 0)], frozenset(), "mixed_bfloat16"),
        ([(7, 5), (7, 5)], AMX, "mixed_float16"),
        ([(6, 0)], AMX, "mixed_float16"),
        ([(6, 1)], AMX, "float32"),
        ([(8, 0), (7, 5)], AMX, "mixed_float16"),
        ([], AMX, "mixed_bfloat16"),
        ([], frozenset({"avx512_bf16"}), "float32"),
        ([], frozenset(), "float32"),
    ],
)
def test_fastest_precision_of_a_device(gpus, flags, expected):
    assert fastest_precision(gpus, flags) == expected


def test_flags_are_read_from_the_first_core(tmp_path):
    path = tmp_path / "cpuinfo"
    path.write_text("processor : 0\nflags\t\t: fpu amx_tile amx_bf16\nbugs : none\n")
    assert cpu_flags(path) == {"fpu", "amx_tile", "amx_bf16"}
    assert cpu_flags(tmp_path / "absent") == frozenset()


def test_a_setting_is_taken_at_its_word_and_a_typo_is_named():
    assert choose_precision("mixed_float16") == "mixed_float16"
    assert choose_precision() in ("float32", "mixed_bfloat16", "mixed_float16")
    assert describe_device("float32").endswith(", float32")
    with pytest.raises(UsageError, match="Did you mean 'mixed_bfloat16'"):
        choose_precision("bfloat16")


def test_processes_side_by_side_share_the_cores(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    cores = available_cores()
    assert share_of_cores(1)["OMP_NUM_THREADS"] == str(cores)
    share = share_of_cores(2 * cores)
    assert share == {"TF_NUM_INTRAOP_THREADS": "1", "OMP_NUM_THREADS": "1"}
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert available_cores() == 1
