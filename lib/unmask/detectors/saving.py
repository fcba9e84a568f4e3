"""Saving a network so that every Keras that Unmask supports opens it."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import keras

CONFIG = "config.json"
# What Keras 3.15 writes beside the settings of an initializer and of a batch normalization, when
# nobody chose it. Keras 3.13 refuses a file that names it, and does what these values say.
NEW = {
    "input_axes": None,
    "output_axes": None,
    "renorm": False,
    "renorm_clipping": None,
    "renorm_momentum": 0.99,
}


def save_network(model: keras.Model, path: str | Path) -> None:
    """Saves `model` as a .keras file for Keras 3.13 and newer, whichever of them is running.

    Raises:
        OSError: the file cannot be written.
    """
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        config = json.loads(archive.read(CONFIG))
    older = for_older_keras(config)
    if older != config:
        _replace_config(Path(path), json.dumps(older))


def for_older_keras(config: Any) -> Any:
    """Returns the config of a model, or a part of one, without new entries that change nothing."""
    if isinstance(config, list):
        return [for_older_keras(item) for item in config]
    if not isinstance(config, dict):
        return config
    return {
        key: for_older_keras(value)
        for key, value in config.items()
        if key not in NEW or value != NEW[key] or config.get("renorm")
    }


def _replace_config(path: Path, text: str) -> None:
    """Writes the archive anew, as a file within one cannot be shortened."""
    changed = path.with_name(f"{path.stem}.changed{path.suffix}")
    try:
        with zipfile.ZipFile(path) as before, zipfile.ZipFile(changed, "w") as after:
            for member in before.infolist():
                if member.filename == CONFIG:
                    after.writestr(member, text)
                    continue
                with before.open(member) as source, after.open(member, "w") as target:
                    shutil.copyfileobj(source, target, 1 << 20)
        changed.replace(path)
    finally:
        changed.unlink(missing_ok=True)
