"""A model file from a stranger runs nothing: hostile files are refused before Keras sees them."""

import io
import json
import os
import pickle
import stat
import zipfile

import h5py
import keras
import numpy as np
import pytest
from unmask import detectors
from unmask.detectors import layers
from unmask.verdict.allowed import UNMASK_LAYERS, refused_class
from unmask.verdict.safe_loading import Refused, check_network, load_network

SIDE = 24
CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """A network of Keras' layers, saved as training does."""
    path = tmp_path_factory.mktemp("good") / "model.keras"
    detectors.build_from_choices((SIDE, SIDE, 3), blocks=(4,), name="small").save(path)
    return path


@pytest.fixture(scope="module")
def parts(good):
    with zipfile.ZipFile(good) as archive:
        return {name: archive.read(name) for name in (METADATA, CONFIG, WEIGHTS)}


@pytest.fixture
def mark(tmp_path):
    """A path that appears when a hostile file has run."""
    return tmp_path / "it-ran"


def forged(path, parts, config=None, **changed):
    """Writes a .keras file of `parts`, some of them changed."""
    if config is not None:
        changed[CONFIG] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in {**parts, **changed}.items():
            archive.writestr(name, data)
    return path


def with_layer(parts, layer):
    """Returns the configuration with a layer more, called by the last one's inputs."""
    config = json.loads(parts[CONFIG])
    last = config["config"]["layers"][-1]
    config["config"]["layers"].append(
        {"name": "added", "inbound_nodes": last["inbound_nodes"], "build_config": {}, **layer}
    )
    return config


def test_what_training_saves_is_opened(good):
    checked = check_network(good)
    assert checked.input_shape == (SIDE, SIDE, 3)
    assert load_network(good).count_params() == keras.models.load_model(good).count_params()


def test_layers_of_our_own_are_opened(tmp_path):
    path = tmp_path / "model.keras"
    model = detectors.build("thumbnail", (SIDE, SIDE, 3))
    model.save(path)
    pictures = np.random.default_rng(0).integers(0, 256, (2, SIDE, SIDE, 3), dtype=np.uint8)
    assert np.array_equal(load_network(path)(pictures), model(pictures))


def test_the_list_of_our_layers_is_whole():
    registered = {
        name.removeprefix("unmask>")
        for name, each in keras.saving.get_custom_objects().items()
        if name.startswith("unmask>") and each.__module__.startswith(layers.__name__)
    }
    assert registered == UNMASK_LAYERS


def test_a_lambda_that_would_make_a_file(tmp_path, parts, mark):
    inputs = keras.Input((SIDE, SIDE, 3))
    code = f"open({str(mark)!r}, 'w').close() or x"
    function = eval(f"lambda x: {code}")
    outputs = keras.layers.Dense(1)(keras.layers.Flatten()(keras.layers.Lambda(function)(inputs)))
    mark.unlink()  # building it ran it
    path = tmp_path / "lambda.keras"
    keras.Model(inputs, outputs).save(path)
    with pytest.raises(Refused, match=r"keras\.layers\.Lambda"):
        load_network(path)
    assert not mark.exists()
    keras.models.load_model(path, safe_mode=False)  # it is a real one
    assert mark.exists()


def function(module, name):
    return {"class_name": "function", "config": name, "module": module, "registered_name": name}


def serialized(module, name, registered=None, **config):
    return {
        "module": module,
        "class_name": name,
        "config": config,
        "registered_name": registered,
    }


@pytest.mark.parametrize(
    "layer",
    [
        function("builtins", "exec"),
        function("keras.utils", "get_file"),
        function("os", "system"),
        serialized("os", "system"),
        serialized("builtins", "exec", "exec"),
        serialized("keras.layers", "Dense", "keras.utils>get_file"),
        serialized("keras.layers", "Dense", "unmask>BlockDCT"),
        serialized("keras.layers", "TFSMLayer", filepath="elsewhere"),
        serialized("keras.layers", "StringLookup", vocabulary="/etc/passwd"),
        serialized("keras.layers", "TorchModuleWrapper"),
        serialized("keras.src.layers.core.lambda_layer", "Lambda"),
        serialized("keras.src.saving.saving_lib", "Dense"),
        serialized("unmask.training.augmentation.device", "Augment", "unmask>Augment"),
        serialized(None, "Lambda"),
        serialized(None, "Dense"),
        {"class_name": ["Dense"], "module": "keras.layers", "config": {}},
        {"class_name": "__lambda__", "config": {"value": ["", None, None]}},
        {"class_name": "__typespec__", "spec_name": "x", "module": "os", "config": []},
    ],
    ids=lambda layer: f"{layer.get('module')}.{layer['class_name']}",
)
def test_classes_that_are_not_on_the_list(tmp_path, parts, layer):
    assert refused_class(layer)
    path = forged(tmp_path / "model.keras", parts, with_layer(parts, layer))
    with pytest.raises(Refused, match=r"not on the list of safe layers|no text"):
        check_network(path)


@pytest.mark.parametrize("key", ["activation", "kernel_initializer", "kernel_regularizer"])
def test_a_function_hidden_in_a_setting_of_a_layer(tmp_path, parts, key):
    config = json.loads(parts[CONFIG])
    dense = config["config"]["layers"][-1]
    assert key in dense["config"]
    dense["config"][key] = function("keras.utils", "get_file")
    with pytest.raises(Refused, match=r"get_file|function"):
        check_network(forged(tmp_path / "model.keras", parts, config))


def test_a_part_that_would_compile_itself(tmp_path, parts):
    config = json.loads(parts[CONFIG])
    config["config"]["layers"][-1]["compile_config"] = {"loss": "x"}
    with pytest.raises(Refused, match="how it was trained"):
        check_network(forged(tmp_path / "model.keras", parts, config))


def test_a_layer_that_would_fill_the_memory(tmp_path, parts):
    config = json.loads(parts[CONFIG])
    config["config"]["layers"][-1]["config"]["units"] = 10**12
    with pytest.raises(Refused, match="units 1,000,000,000,000"):
        check_network(forged(tmp_path / "model.keras", parts, config))


def test_a_configuration_nested_without_end(tmp_path, parts):
    deep = b'{"a":' * 50_000 + b"1" + b"}" * 50_000
    with pytest.raises(Refused, match=r"config\.json"):
        check_network(forged(tmp_path / "model.keras", parts, **{CONFIG: deep}))
    nested: dict = {}
    inner = nested
    for _ in range(300):
        inner["a"] = inner = {}
    config = {**json.loads(parts[CONFIG]), "more": nested}
    with pytest.raises(Refused, match="nested too deeply"):
        check_network(forged(tmp_path / "model.keras", parts, config))


def test_a_member_that_unpacks_to_far_more(tmp_path, parts):
    path = tmp_path / "bomb.keras"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data if name != CONFIG else bytes(40 * 2**20))
    assert path.stat().st_size < 2**20
    with pytest.raises(Refused, match="would unpack to 40 MiB"):
        check_network(path)


@pytest.mark.parametrize("name", ["../outside.py", "/etc/cron.d/x", "assets/a.txt", "x\\..\\y"])
def test_a_member_with_a_path_of_its_own(tmp_path, parts, name):
    path = forged(tmp_path / "model.keras", parts, **{name: b"x"})
    with pytest.raises(Refused, match="which no network needs"):
        check_network(path)
    assert not (tmp_path.parent / "outside.py").exists()


def test_a_member_that_is_a_link(tmp_path, parts):
    path = tmp_path / "link.keras"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            about = zipfile.ZipInfo(name)
            about.external_attr = (stat.S_IFREG | 0o644) << 16
            if name == WEIGHTS:
                about.external_attr = (stat.S_IFLNK | 0o777) << 16
                data = b"/etc/passwd"
            archive.writestr(about, data)
    with pytest.raises(Refused, match="is a link"):
        check_network(path)


def test_a_member_twice(tmp_path, parts):
    path = forged(tmp_path / "model.keras", parts)
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr(CONFIG, b"{}")
    with pytest.raises(Refused, match="it holds"):
        check_network(path)


def weights(fill) -> bytes:
    data = io.BytesIO()
    with h5py.File(data, "w") as file:
        fill(file)
    return data.getvalue()


def linked_outside(file):
    file["vars"] = h5py.ExternalLink("/etc/passwd", "/")


def soft_linked(file):
    file["vars"] = h5py.SoftLink("/elsewhere")


def stored_outside(file):
    file.create_dataset("vars", (8,), "u1", external=[("/etc/passwd", 0, 8)])


def put_together(file):
    layout = h5py.VirtualLayout((8,), "u1")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (8,))
    file.create_virtual_dataset("vars", layout)


def unpacked_to_much(file):
    file.create_dataset("vars", (2**28,), "f4", chunks=(2**20,), compression="gzip")


def holding_itself(file):
    file.create_group("layers")["again"] = file["/"]


@pytest.mark.parametrize(
    "fill",
    [linked_outside, soft_linked, stored_outside, put_together, unpacked_to_much, holding_itself],
)
def test_weights_that_point_elsewhere_or_grow(tmp_path, parts, fill):
    path = forged(tmp_path / "model.keras", parts, **{WEIGHTS: weights(fill)})
    with pytest.raises(Refused, match="its weights"):
        check_network(path)


class Hostile:
    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize("name", ["model.h5", "model.keras", "model.pkl"])
def test_other_formats(tmp_path, good, mark, name):
    path = tmp_path / name
    keras.models.load_model(good).save(tmp_path / "saved.h5")
    path.write_bytes((tmp_path / "saved.h5").read_bytes())
    with pytest.raises(Refused, match="HDF5"):
        check_network(path)
    path.write_bytes(pickle.dumps(Hostile(mark)))
    with pytest.raises(Refused, match="a pickle"):
        check_network(path)
    assert not mark.exists()


def test_folders_and_files_that_are_no_model(tmp_path, good):
    saved = tmp_path / "saved"
    saved.mkdir()
    (saved / "saved_model.pb").write_bytes(b"x")
    with pytest.raises(Refused, match="a SavedModel"):
        check_network(saved)
    renamed = tmp_path / "model.zip"
    renamed.write_bytes(good.read_bytes())
    torn = tmp_path / "torn.keras"
    torn.write_bytes(good.read_bytes()[:-200])
    text = tmp_path / "text.keras"
    text.write_text("import os")
    for path in (renamed, torn, text, tmp_path / "missing.keras"):
        with pytest.raises(Refused):
            check_network(path)


def test_a_network_that_is_no_detector(tmp_path):
    inputs = keras.Input((SIDE, SIDE, 3))
    two = keras.Model(inputs, keras.layers.Dense(2)(keras.layers.Flatten()(inputs)))
    two.save(tmp_path / "two.keras")
    with pytest.raises(Refused, match="into one score"):
        load_network(tmp_path / "two.keras")
    grey = keras.Input((SIDE, SIDE, 1))
    model = keras.Model(grey, keras.layers.Dense(1)(keras.layers.Flatten()(grey)))
    model.save(tmp_path / "grey.keras")
    with pytest.raises(Refused, match="three colours"):
        check_network(tmp_path / "grey.keras")


@pytest.mark.parametrize("seed", range(40))
def test_any_damage_is_refused_or_harmless(tmp_path, parts, good, seed):
    """Bytes changed at random: the file is refused in words, or still passes; nothing else."""
    data = bytearray(good.read_bytes())
    generator = np.random.default_rng(seed)
    for place in generator.integers(0, len(data), 1 + seed % 7):
        data[place] = generator.integers(256)
    path = tmp_path / "model.keras"
    path.write_bytes(bytes(data))
    try:
        check_network(path)
    except Refused as error:
        assert error.what and error.fix
