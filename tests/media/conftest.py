"""Pictures of the demo, rendered once for all tests about faces."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(scope="session")
def demo_pictures(tmp_path_factory) -> list[np.ndarray]:
    """Twelve pictures, uint8 `[160, 160, 3]`: six people, each real and forged."""
    from unmask.media.images import decode_image
    from unmask.sources.demo import render_demo

    folder = tmp_path_factory.mktemp("demo")
    table = render_demo(folder, identities=6, pictures=1, clips=0, size=160, seed=11, jobs=1)
    return [decode_image(Path(path).read_bytes()).pixels for path in table["path"]]
