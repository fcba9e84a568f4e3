"""Opening a network that somebody else made, without running anything that its file brings.

Formats that hold code are refused by what they are: HDF5 files and SavedModel folders can carry
Python functions, pickles are programs. A .keras file is a zip whose config.json names classes; all
of it is looked at before Keras is even loaded: the zip's table of contents, every class that is
named, and what the weights point to. Then Keras opens it in its safe mode.
"""

from __future__ import annotations

import io
import json
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import DataError
from .allowed import refused_class

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
MEMBERS = {CONFIG: 64 * 2**20, METADATA: 2**20, WEIGHTS: 4 * 2**30}  # and their largest sizes
LARGEST_RATIO = 100  # of a packed member; what Keras writes is not packed at all
LARGEST_NUMBER = 2**20  # of a configuration: a layer of more units is there to fill the memory
# Any number may stand there: it sizes nothing.
NO_SIZES = ("seed", "shared_object_id")
DEEPEST = 100
MOST_WEIGHTS = 20_000
FORMATS = (
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file, which can carry Python functions"),
    (b"\x80", "a pickle, which is a program"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x1f\x8b", "a packed archive"),
)


@dataclass(frozen=True)
class NetworkFile:
    """A .keras file that was looked at.

    Attributes:
        path: where it lies.
        input_shape: height, width, channels; None where the network takes any size.
    """

    path: Path
    input_shape: tuple[int | None, int | None, int]


class Refused(DataError):
    """A model file that is not opened, with the reason."""

    def __init__(self, path: str | Path, why: str):
        super().__init__(
            f"The model {Path(path).name} is not opened: {why}.",
            expected="a .keras file of layers that Keras or Unmask bring themselves",
            fix="ask whoever made it for a .keras file without code of their own",
        )


def check_network(path: str | Path) -> NetworkFile:
    """Looks at a model file without opening it in Keras, and without TensorFlow.

    Raises:
        Refused: it is no .keras file, or names, points to or unpacks to what it must not.
    """
    path = Path(path)
    _check_format(path)
    try:
        with zipfile.ZipFile(path) as archive:
            _check_members(path, archive.infolist())
            config = _read_config(path, archive.read(CONFIG))
            _check_config(path, config)
            with archive.open(WEIGHTS) as stream:
                _check_weights(path, stream, archive.getinfo(WEIGHTS).file_size)
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        raise Refused(path, f"it is damaged ({error})") from error
    return NetworkFile(path, _input_shape(path, config))


def load_network(path: str | Path) -> Any:
    """Returns the Keras model in a file that `check_network` passes.

    Raises:
        Refused: see `check_network`; or Keras cannot build it, or it is no detector.
    """
    checked = check_network(path)
    import keras

    from .. import detectors  # noqa: F401  (registers the layers)

    try:
        model = keras.models.load_model(checked.path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises anything for a file that does not fit together
        why = str(error).strip().splitlines() or [type(error).__name__]
        raise Refused(path, f"Keras cannot build it ({why[0][:200]})") from error
    shapes = model.input_shape, model.output_shape
    single = all(isinstance(shape, tuple) for shape in shapes)
    if not single or len(shapes[0]) != 4 or shapes[0][-1] != 3 or shapes[1][1:] != (1,):
        raise Refused(path, "it does not turn pictures of three colours into one score")
    return model


def _check_format(path: Path) -> None:
    if path.is_dir():
        saved = (path / "saved_model.pb").exists() or (path / "keras_metadata.pb").exists()
        raise Refused(path, "it is a SavedModel, which runs as a program" if saved else "a folder")
    try:
        with open(path, "rb") as stream:
            head = stream.read(16)
    except OSError as error:
        raise Refused(path, f"it cannot be read ({error.strerror})") from error
    for magic, what in FORMATS:
        if head.startswith(magic):
            raise Refused(path, f"it is {what}")
    if path.suffix.lower() != ".keras" or not head.startswith(b"PK\x03\x04"):
        raise Refused(path, "it is no .keras file")


def _check_members(path: Path, members: list[zipfile.ZipInfo]) -> None:
    """Judges the table of contents alone: nothing has been unpacked yet."""
    names = [member.filename for member in members]
    for member in members:
        if member.filename not in MEMBERS:
            raise Refused(path, f"it holds {member.filename[:100]!r}, which no network needs")
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in (0, stat.S_IFREG):
            raise Refused(path, f"its {member.filename} is a link, not a file")
        if member.flag_bits & 1:
            raise Refused(path, f"its {member.filename} is encrypted")
        packed_too_well = member.file_size > LARGEST_RATIO * max(member.compress_size, 1024)
        if member.file_size > MEMBERS[member.filename] or packed_too_well:
            size = f"{member.file_size / 2**20:,.0f} MiB"
            raise Refused(path, f"its {member.filename} would unpack to {size}")
    if sorted(names) != sorted(MEMBERS):
        raise Refused(path, f"it holds {', '.join(names) or 'nothing'}, not {', '.join(MEMBERS)}")


def _read_config(path: Path, data: bytes) -> dict[str, Any]:
    try:
        config = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Refused(path, "its config.json cannot be read") from error
    if not isinstance(config, dict) or not isinstance(config.get("config"), dict):
        raise Refused(path, "its config.json describes no network")
    # What it was trained with: Keras drops it when a model is opened for scoring.
    config.pop("compile_config", None)
    return config


def _check_config(path: Path, config: dict[str, Any]) -> None:
    for key, value in _walk(path, config):
        if isinstance(value, dict) and "class_name" in value:
            wrong = refused_class(value)
            if wrong:
                raise Refused(path, f"it names {wrong}, which is not on the list of safe layers")
            if value.get("compile_config"):
                raise Refused(path, "a part of it says how it was trained")
        if type(value) is int and abs(value) > LARGEST_NUMBER and key not in NO_SIZES:
            raise Refused(path, f"its config.json asks for {key} {value:,}, which is too much")
    if "class_name" not in config:
        raise Refused(path, "its config.json describes no network")


def _walk(path: Path, config: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yields every value of nested plain data with the key it stands under."""
    waiting: list[tuple[str, Any, int]] = [("", config, 0)]
    while waiting:
        key, value, depth = waiting.pop()
        yield key, value
        if depth > DEEPEST:
            raise Refused(path, "its config.json is nested too deeply")
        if isinstance(value, dict):
            waiting += [(str(name), each, depth + 1) for name, each in value.items()]
        elif isinstance(value, list):
            waiting += [(key, each, depth + 1) for each in value]


def _check_weights(path: Path, stream: io.BufferedIOBase, size: int) -> None:
    """Refuses weights that lie elsewhere, or that grow when they are read."""
    import h5py

    total, places = 0, set()
    try:
        with h5py.File(stream, "r") as weights:
            groups = [weights]
            places.add(h5py.h5o.get_info(weights.id).addr)
            while groups:
                group = groups.pop()
                for name in group:
                    held = _held(path, group, name)
                    place = h5py.h5o.get_info(held.id).addr
                    if place in places or len(places) > MOST_WEIGHTS:
                        raise Refused(path, "its weights hold themselves, or too many parts")
                    places.add(place)
                    if isinstance(held, h5py.Group):
                        groups.append(held)
                    else:
                        total += held.nbytes
                    if total > size:
                        raise Refused(path, "its weights would unpack to more than the file holds")
    except (OSError, KeyError, RuntimeError, ValueError, TypeError) as error:
        raise Refused(path, "its weights cannot be read") from error


def _held(path: Path, group: Any, name: str) -> Any:
    """Returns the group or array called `name`; refuses links and arrays that lie elsewhere."""
    import h5py

    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise Refused(path, f"its weights point to another place ({name[:100]})")
    held = group[name]
    if isinstance(held, h5py.Group):
        return held
    if not isinstance(held, h5py.Dataset) or held.external or held.is_virtual:
        raise Refused(path, f"its weights lie in another file ({name[:100]})")
    return held


def _input_shape(path: Path, config: dict[str, Any]) -> tuple[int | None, int | None, int]:
    layers = config["config"].get("layers")
    for layer in layers if isinstance(layers, list) else []:
        if isinstance(layer, dict) and layer.get("class_name") == "InputLayer":
            inside = layer.get("config") if isinstance(layer.get("config"), dict) else {}
            shape = inside.get("batch_shape")
            if isinstance(shape, list) and len(shape) == 4 and shape[3] == 3:
                return shape[1], shape[2], 3
    raise Refused(path, "it does not take pictures of three colours")
