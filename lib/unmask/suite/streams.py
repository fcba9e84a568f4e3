"""What a notebook's cells printed: pieces joined, start-up noise of TensorFlow left out."""

from __future__ import annotations

import re
from typing import Any

from nbconvert.filters import strip_ansi

# What TensorFlow and absl write to stderr while they start: information and warnings of theirs,
# and the errors a machine without a GPU always gives. Other errors and fatal lines stay.
_NOISE = re.compile(
    r"""^(?:
      WARNING:\ All\ log\ messages\ before\ absl::InitializeLog
    | [IW]\d{4}\ \d\d:\d\d:\d\d\.\d+\ .*\]
    | [IW]0000\ 00:00:\d+\.\d+\ .*\]
    | \d{4}-\d\d-\d\d\ \d\d:\d\d:\d\d\.\d+:\ [IW]\ .*\]
    | (?:E\d{4}\ |\d{4}-\d\d-\d\d\ \d\d:\d\d:\d\d\.\d+:\ E\ ).*
        (?:cuInit|cuda_dnn|cuda_blas|cuda_fft|cuda_platform|computation_placer|
           Unable\ to\ register)
    | To\ enable\ the\ following\ instructions:
    | Skipping\ registering\ GPU\ devices
    )""",
    re.VERBOSE,
)
_WRITTEN_OVER = re.compile(r".*\r(?=[^\n])")


def tidy_outputs(outputs: list[Any]) -> list[Any]:
    """Returns the outputs of a cell with its printed pieces joined and without noise.

    Newer versions of nbconvert join them too; 6.4.5, which is in Kaggle's image, does not.
    """
    # Twice: noise cut into pieces has to be joined first, and what it parted joined again.
    joined = _join_streams(outputs)
    for output in joined:
        if _is_stream(output):
            output.text = _without_noise(output.text)
    return _join_streams([output for output in joined if output.get("text") != ""])


def _join_streams(outputs: list[Any]) -> list[Any]:
    """Joins neighbours of one stream; of a line that was written over, the last text stays."""
    joined: list[Any] = []
    for output in outputs:
        before = joined[-1] if joined else None
        if _is_stream(before) and _is_stream(output) and before.name == output.name:
            before.text += output.text
        else:
            joined.append(output)
    for output in joined:
        if _is_stream(output):
            output.text = _WRITTEN_OVER.sub("", output.text)
    return joined


def _is_stream(output: Any) -> bool:
    return output is not None and output.output_type == "stream"


def _without_noise(text: str) -> str:
    lines = [line for line in text.splitlines() if not _NOISE.match(strip_ansi(line))]
    return "\n".join(lines) + "\n" if any(line.strip() for line in lines) else ""
