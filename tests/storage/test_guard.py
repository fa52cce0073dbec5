"""Hostile and damaged files: each refused in plain words, before Keras touches it."""

from __future__ import annotations

import contextlib
import io
import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import h5py
import keras
import numpy as np
import pytest

from tests.storage.models import Residual, sequential_model, softsquare
from workbench.errors import ExitCode, FileError
from workbench.storage import container, guard, inspect
from workbench.storage.formats import KerasRegistry, load, save


class Plugins:
    """A resolver that knows two plugins, and counts how often all of them must be imported."""

    known: ClassVar[dict[str, object]] = {
        "acme-layers>Residual": Residual,
        "acme-layers>softsquare": softsquare,
        "kwb>MyDense": keras.layers.Dense,
    }
    listed = 0

    def registered_names(self) -> set[str]:
        self.listed += 1
        return set(self.known)

    def resolve_registered(self, name: str) -> object | None:
        return self.known.get(name)


Config = dict[str, Any]


def refusal(path: Path) -> FileError:
    with pytest.raises(FileError) as error:
        guard.check_file(path, Plugins())
    assert error.value.exit_code is ExitCode.FILE
    assert error.value.where == str(path)
    return error.value


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One sound file of each kind."""
    folder = tmp_path_factory.mktemp("good")
    model = sequential_model()
    model.compile("adam", "mse")
    for format in (".keras", ".h5", ".weights.h5"):
        save(model, folder / f"m{format}", {})
    model.save(folder / "plain.h5")
    return {
        path.name.partition(".")[2] if path.name[0] == "m" else path.name: path for path in folder.iterdir()
    }


def edited(good: Path, target: Path, edit: Callable[[Config], None]) -> Path:
    """A `.keras` file with its configuration edited."""
    with zipfile.ZipFile(good) as source, zipfile.ZipFile(target, "w") as out:
        for info in source.infolist():
            content = source.read(info)
            if info.filename == "config.json":
                config = json.loads(content)
                edit(config)
                content = json.dumps(config).encode()
            out.writestr(info.filename, content)
    return target


def layer(config: Config, index: int) -> Config:
    return config["config"]["layers"][index]  # type: ignore[no-any-return]


# What is no model file at all


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("m.keras", b"", "is empty"),
        ("m.h5", b"", "is empty"),
        ("m.keras", b"hello, I am a text file\n" * 10, "neither a zip archive nor HDF5"),
        ("m.h5", b"\x80\x04\x95pickle", "neither a zip archive nor HDF5"),
        ("m.keras", b"PK\x03\x04 and then nothing", "damaged or truncated"),
        ("m.h5", b"\x89HDF\r\n\x1a\n and then nothing", "is damaged"),
    ],
)
def test_what_is_no_model_file(name: str, content: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    assert words in refusal(tmp_path / name).what


def test_what_is_not_there_or_a_folder(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "none.keras").what
    (tmp_path / "folder.keras").mkdir()
    assert "it is a folder" in refusal(tmp_path / "folder.keras").what


@pytest.mark.parametrize("format", ["keras", "h5", "weights.h5", "plain.h5"])
def test_files_cut_short_anywhere(format: str, good: dict[str, Path], tmp_path: Path) -> None:
    whole = good[format].read_bytes()
    path = tmp_path / good[format].name
    for part in (0.01, 0.2, 0.5, 0.9, 0.999):
        path.write_bytes(whole[: int(len(whole) * part)])
        assert "truncated" in refusal(path).what
        with pytest.raises(FileError):
            inspect.inspect_file(path)


@pytest.mark.parametrize("format", ["keras", "h5", "plain.h5"])
def test_a_file_named_as_another_format(format: str, good: dict[str, Path], tmp_path: Path) -> None:
    wrong = tmp_path / ("m.h5" if format == "keras" else "m.keras")
    wrong.write_bytes(good[format].read_bytes())
    assert "its name says otherwise" in refusal(wrong).what


def test_bytes_changed_in_the_weights_are_noticed(good: dict[str, Path], tmp_path: Path) -> None:
    content = bytearray(good["keras"].read_bytes())
    with zipfile.ZipFile(good["keras"]) as file:
        info = file.getinfo("model.weights.h5")
    content[info.header_offset + info.file_size // 2] ^= 0xFF
    (tmp_path / "m.keras").write_bytes(content)
    with pytest.raises(FileError, match="CRC"):
        load(tmp_path / "m.keras", KerasRegistry())


def test_no_random_damage_raises_anything_but_a_file_error(good: dict[str, Path], tmp_path: Path) -> None:
    rng = np.random.default_rng(11)
    for format, source in good.items():
        whole = np.frombuffer(source.read_bytes(), np.uint8)
        for _ in range(25):
            broken = whole.copy()
            places = rng.integers(0, min(len(broken), 6000), 8)
            broken[places] = rng.integers(0, 256, 8)
            path = tmp_path / (f"x.{format}" if format != "plain.h5" else "x.h5")
            path.write_bytes(broken.tobytes())
            for look in (lambda p: guard.check_file(p, Plugins()), inspect.inspect_file):
                with contextlib.suppress(FileError):
                    look(path)


# Zip


def zipped(path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def members_of(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def test_a_zip_bomb(good: dict[str, Path], tmp_path: Path) -> None:
    members = members_of(good["keras"]) | {"assets/vocabulary.txt": bytes(200 << 20)}
    path = zipped(tmp_path / "m.keras", members, zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 1 << 20
    assert "would unpack to 210 MB" in refusal(path).what


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("../evil.py", "which no Keras file does"),
        ("assets/../../evil.py", "leads out of the file"),
        ("assets\\..\\evil.py", "which no Keras file does"),
        ("/etc/cron.d/evil", "which no Keras file does"),
        ("evil.pkl", "which no Keras file does"),
    ],
)
def test_members_that_belong_elsewhere(name: str, words: str, good: dict[str, Path], tmp_path: Path) -> None:
    path = zipped(tmp_path / "m.keras", members_of(good["keras"]) | {name: b"x"})
    assert words in refusal(path).what


def test_a_symbolic_link_in_a_zip(good: dict[str, Path], tmp_path: Path) -> None:
    path = zipped(tmp_path / "m.keras", members_of(good["keras"]))
    link = zipfile.ZipInfo("assets/link")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "a") as file:
        file.writestr(link, "/etc/passwd")
    assert "leads out of the file" in refusal(path).what


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name(good: dict[str, Path], tmp_path: Path) -> None:
    path = zipped(tmp_path / "m.keras", members_of(good["keras"]))
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("config.json", "{}")
    assert "two members of one name" in refusal(path).what


def test_a_zip_that_is_no_model(tmp_path: Path) -> None:
    path = zipped(tmp_path / "m.keras", {"model.weights.h5": b""})
    assert "no config.json" in refusal(path).what


def test_a_zip_with_sizes_that_disagree(good: dict[str, Path], tmp_path: Path) -> None:
    content = bytearray(good["keras"].read_bytes())
    place = content.rfind(b"PK\x01\x02", 0, content.rfind(b"model.weights.h5"))
    struct.pack_into("<I", content, place + 24, 100)
    (tmp_path / "m.keras").write_bytes(content)
    assert "two sizes" in refusal(tmp_path / "m.keras").what


# HDF5


def with_hdf5(good: Path, target: Path, edit: Callable[[Any], None]) -> Path:
    target.write_bytes(good.read_bytes())
    with h5py.File(target, "r+") as file:
        edit(file)
    return target


def huge(file: Any) -> None:
    file.create_dataset("layers/bomb/vars/0", (1 << 31,), "f4", chunks=(1 << 20,), compression="gzip")


def filtered(file: Any) -> None:
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_chunk((4,))
    properties.set_filter(305, h5py.h5z.FLAG_OPTIONAL)
    space = h5py.h5s.create_simple((4,))
    h5py.h5d.create(file.id, b"filtered", h5py.h5t.NATIVE_FLOAT, space, properties)


def deep(file: Any) -> None:
    group = file
    for _ in range(200):
        group = group.create_group("g")


def virtual(file: Any) -> None:
    layout = h5py.VirtualLayout(shape=(4,), dtype="f4")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", shape=(4,))
    file.create_virtual_dataset("virtual", layout)


HDF5: dict[str, tuple[Callable[[Any], None], str]] = {
    "soft link": (lambda f: f.__setitem__("a", h5py.SoftLink("/vars")), "'/a' is a link to elsewhere"),
    "external link": (
        lambda f: f.__setitem__("a", h5py.ExternalLink("/etc/x.h5", "/")),
        "a link to elsewhere",
    ),
    "link below": (
        lambda f: f.create_group("q/r").__setitem__("s", h5py.SoftLink("/")),
        "'/q/r/s' is a link",
    ),
    "external data": (
        lambda f: f.create_dataset("e", (8,), "u1", external=[("/etc/passwd", 0, 8)]),
        "lies in another file",
    ),
    "virtual data": (virtual, "lies in another file"),
    "huge shape": (huge, "it declares 8.59 GB of weights"),
    "foreign filter": (filtered, "a filter that HDF5 would load"),
    "a cycle": (lambda f: f.create_group("loop").__setitem__("again", f["/"]), "under two names"),
    "depth": (deep, "nested deeper"),
    "objects": (
        lambda f: f.create_dataset("o", data=["text"], dtype=h5py.string_dtype()),
        "which is no weight",
    ),
    "a named type": (lambda f: f.__setitem__("t", np.dtype("f4")), "neither a group nor a dataset"),
    "no shape": (lambda f: f.create_dataset("n", data=h5py.Empty("f4")), "has no shape"),
}


@pytest.mark.parametrize("format", ["h5", "weights.h5", "plain.h5"])
@pytest.mark.parametrize("attack", HDF5)
def test_hostile_hdf5(attack: str, format: str, good: dict[str, Path], tmp_path: Path) -> None:
    edit, words = HDF5[attack]
    path = with_hdf5(good[format], tmp_path / good[format].name, edit)
    assert words in refusal(path).what
    with pytest.raises(FileError):
        inspect.inspect_file(path)


@pytest.mark.parametrize("attack", HDF5)
def test_hostile_hdf5_inside_a_zip(attack: str, good: dict[str, Path], tmp_path: Path) -> None:
    edit, words = HDF5[attack]
    members = members_of(good["keras"])
    weights = io.BytesIO(members["model.weights.h5"])
    with h5py.File(weights, "r+") as file:
        edit(file)
    path = zipped(tmp_path / "m.keras", members | {"model.weights.h5": weights.getvalue()})
    assert words in refusal(path).what


def test_a_group_of_ours_cannot_smuggle_a_path_into_the_archive(
    good: dict[str, Path], tmp_path: Path
) -> None:
    def edit(file: Any) -> None:
        file["kwb"].create_group("assets").create_group("..").create_dataset("evil", data=np.zeros(3, "u1"))

    path = with_hdf5(good["h5"], tmp_path / "m.h5", edit)
    with pytest.raises(FileError, match="leads out of the file"):
        load(path, KerasRegistry())


def test_an_hdf5_file_of_something_else(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file["numbers"] = np.arange(5)
    assert "no Keras weights" in refusal(tmp_path / "m.h5").what


# Configurations


def function(name: str, module: str | None = "builtins", registered: str | None = "function") -> Config:
    return {"module": module, "class_name": "function", "config": name, "registered_name": registered}


def lambda_layer(function: Any, **arguments: Any) -> Config:
    config = {"name": "evil", "function": function, "arguments": {}, **arguments}
    return {"module": "keras.layers", "class_name": "Lambda", "config": config, "registered_name": None}


def keras_layer(class_name: str, module: str | None = "keras.layers", **config: Any) -> Config:
    return {
        "module": module,
        "class_name": class_name,
        "config": {"name": "evil", **config},
        "registered_name": None,
    }


BYTECODE = {"class_name": "__lambda__", "config": {"code": "4wEAAAA=", "defaults": None, "closure": None}}

LAYERS: dict[str, tuple[Config, str]] = {
    "bytecode": (lambda_layer(BYTECODE), "is a Python lambda kept as code"),
    "a Keras function": (lambda_layer(function("get_file", "keras.utils")), "evil' calls 'get_file'"),
    "an exported function": (lambda_layer(function("exp", "keras.ops")), "evil' calls 'exp'"),
    "a builtin": (lambda_layer(function("eval")), "evil' calls 'eval'"),
    "a name alone": (lambda_layer("exp"), "evil' calls 'exp'"),
    "a function for the shape": (
        lambda_layer(function("acme-layers>softsquare"), output_shape=function("load_model", "keras.models")),
        "evil' calls 'load_model'",
    ),
    "nothing": (lambda_layer(None), "evil' calls 'None'"),
    "a module of another program": (
        keras_layer("Popen", "subprocess", args="sh"),
        "neither Keras' nor registered",
    ),
    "a module of Keras' insides": (keras_layer("Thing", "keras.src.utils.file_utils"), "neither Keras' nor"),
    "a function of Keras as a class": (keras_layer("get_file", "keras.utils"), "neither Keras' nor"),
    "a function among the layers": (keras_layer("deserialize", "keras.layers"), "neither Keras' nor"),
    "the same without a module": ({"class_name": "deserialize", "config": {}}, "neither Keras' nor"),
    "something of keras itself": (keras_layer("Variable", "keras"), "neither Keras' nor"),
    "a SavedModel": (keras_layer("TFSMLayer", filepath="/tmp/x"), "runs a SavedModel"),
    "a pickle": (keras_layer("TorchModuleWrapper", weights="x"), "unpickles"),
    "a vocabulary elsewhere": (keras_layer("StringLookup", vocabulary="/etc/passwd"), "from another file"),
    "a class by number": ({"class_name": 7, "config": {}}, "something else than a string"),
    "a typespec": (
        {"class_name": "__typespec__", "config": [], "spec_name": "TensorSpec", "module": "tensorflow"},
        "neither Keras' nor",
    ),
    "a legacy typespec": (
        {"class_name": "TypeSpec", "type_spec": "x", "serialized": []},
        "makes a type of TensorFlow",
    ),
    "an unregistered class": (keras_layer("MyOwn", "my_module"), "neither Keras' nor registered"),
    "a hidden activation": (
        keras_layer("Dense", units=1, activation=function("get_file", "keras.utils")),
        "calls the function 'get_file' of keras.utils",
    ),
    "a deserializer": (keras_layer("Dense", units=1, activation=function("deserialize")), "'deserialize'"),
    "deep inside": (
        keras_layer("Bidirectional", layer=keras_layer("RNN", cell=keras_layer("Evil", "os"))),
        "'Evil' of os",
    ),
    "a wide layer": (keras_layer("Dense", units=2_000_000_000), "declares units=2000000000"),
    "a wide table": (keras_layer("Embedding", input_dim=60_000_000, output_dim=60), "weights up to it"),
    "a wide layer of a plugin": (
        keras_layer("MyDense", "kwb_custom.layers", units=10**12) | {"registered_name": "kwb>MyDense"},
        "declares units=1000000000000",
    ),
    "a square": (
        keras_layer("Dense", units=50_000) | {"build_config": {"input_shape": [None, 50_000]}},
        "weights up to it",
    ),
}


@pytest.mark.parametrize("attack", LAYERS)
def test_hostile_configurations(attack: str, good: dict[str, Path], tmp_path: Path) -> None:
    evil, words = LAYERS[attack]
    path = edited(good["keras"], tmp_path / "m.keras", lambda config: config["config"]["layers"].append(evil))
    assert words in refusal(path).what
    with pytest.raises(FileError):
        load(path, KerasRegistry())


@pytest.mark.parametrize("attack", LAYERS)
def test_hostile_configurations_in_the_legacy_format(
    attack: str, good: dict[str, Path], tmp_path: Path
) -> None:
    evil, words = LAYERS[attack]

    def edit(file: Any) -> None:
        config = json.loads(file.attrs["model_config"])
        config["config"]["layers"].append(evil)
        file.attrs["model_config"] = json.dumps(config)

    assert words in refusal(with_hdf5(good["plain.h5"], tmp_path / "m.h5", edit)).what


@pytest.mark.parametrize("attack", LAYERS)
def test_hostile_configurations_in_our_hdf5(attack: str, good: dict[str, Path], tmp_path: Path) -> None:
    evil, words = LAYERS[attack]

    def edit(file: Any) -> None:
        config = json.loads(file["kwb/config.json"][()].tobytes())
        config["config"]["layers"].append(evil)
        del file["kwb/config.json"]
        file["kwb/config.json"] = np.frombuffer(json.dumps(config).encode(), np.uint8)

    assert words in refusal(with_hdf5(good["weights.h5"], tmp_path / "m.weights.h5", edit)).what


def test_a_registered_function_where_a_class_stands_is_refused(good: dict[str, Path], tmp_path: Path) -> None:
    """Keras would call it with arguments from the file."""

    def edit(config: Config) -> None:
        evil = {"module": None, "class_name": "softsquare", "config": {"x": "/etc/passwd"}}
        config["config"]["layers"].append(evil | {"registered_name": "acme-layers>softsquare"})

    path = edited(good["keras"], tmp_path / "m.keras", edit)
    with pytest.raises(FileError, match="as something else than a function"):
        load(path, KerasRegistry())


def test_nesting_without_end(good: dict[str, Path], tmp_path: Path) -> None:
    for depth in (300, 100_000):
        members = members_of(good["keras"])
        members["config.json"] = b'{"a": ' + b"[" * depth + b"]" * depth + b"}"
        assert "nested deeper" in refusal(zipped(tmp_path / "m.keras", members)).what


def test_a_configuration_without_measure(good: dict[str, Path], tmp_path: Path) -> None:
    members = members_of(good["keras"]) | {"config.json": b'{"a": "' + b"x" * (33 << 20) + b'"}'}
    assert "larger than 32 MB" in refusal(zipped(tmp_path / "m.keras", members)).what
    members["config.json"] = b"[1, 2]"
    assert "not a JSON object" in refusal(zipped(tmp_path / "m.keras", members)).what
    members["config.json"] = b"{'a': 1}"
    assert "not JSON" in refusal(zipped(tmp_path / "m.keras", members)).what


# Plugins that are missing


def named(registered: str) -> Callable[[Config], None]:
    return lambda config: layer(config, 2).update(
        registered_name=registered, class_name=registered.split(">")[1]
    )


def test_a_missing_plugin_is_named_with_its_distribution(good: dict[str, Path], tmp_path: Path) -> None:
    error = refusal(edited(good["keras"], tmp_path / "m.keras", named("other-layers>Gate")))
    assert error.what == "needs plugin distribution 'other-layers' (class Gate)."
    assert error.hint.startswith("Install it: pip install other-layers. If it is a file of your own")


def test_a_class_missing_from_an_installed_plugin(good: dict[str, Path], tmp_path: Path) -> None:
    error = refusal(edited(good["keras"], tmp_path / "m.keras", named("kwb>MyDens")))
    assert "'MyDens' of 'kwb', which the installed version does not register" in error.what
    assert "kwb>MyDense" in error.hint


@pytest.mark.parametrize("registered", ["Custom>Gate", "x; rm -rf ~>Gate", "--index-url=evil>Gate", ">Gate"])
def test_no_command_is_made_of_what_a_stranger_wrote(
    registered: str, good: dict[str, Path], tmp_path: Path
) -> None:
    error = refusal(edited(good["keras"], tmp_path / "m.keras", named(registered)))
    assert "pip" not in error.hint
    assert "--plugin FILE.py" in error.hint


# What is sound


@pytest.mark.parametrize("format", ["keras", "h5", "weights.h5", "plain.h5"])
def test_sound_files_pass(format: str, good: dict[str, Path]) -> None:
    plugins = Plugins()
    checked = guard.check_file(good[format], plugins)
    assert checked.config is not None
    assert checked.uncompilable == ""
    assert plugins.listed == 0  # only what the file names is imported


@pytest.mark.slow
def test_every_stock_layer_passes(tmp_path: Path) -> None:
    """No false alarm: each layer, initializer, regularizer, loss and metric of Keras as Keras writes it."""
    spaces = [
        keras.layers,
        keras.initializers,
        keras.regularizers,
        keras.constraints,
        keras.losses,
        keras.metrics,
    ]
    spaces += [keras.optimizers, keras.optimizers.schedules]

    def nothing(named: guard.Named) -> None:
        raise AssertionError(f"{named} is not Keras'")

    seen = 0
    for space in spaces:
        for found in vars(space).values():
            try:
                config = keras.saving.serialize_keras_object(found())
            except Exception:
                continue  # it cannot be made without arguments
            list(guard.check_config(config, nothing))
            seen += 1
    assert seen > 150
    for activation in ("relu", "gelu", "softmax", "log_softmax", "leaky_relu", "hard_sigmoid"):
        dense = keras.layers.Dense(1, activation=activation)
        list(guard.check_config(keras.saving.serialize_keras_object(dense), nothing))
    fit = keras.layers.Dense(
        1, activation=keras.activations.gelu, kernel_initializer=keras.initializers.HeNormal(1)
    )
    list(guard.check_config(keras.saving.serialize_keras_object(fit), nothing))


def test_operators_and_functions_in_a_graph_pass(tmp_path: Path) -> None:
    start = keras.Input((4, 4, 3))
    z = keras.layers.Conv2D(8, 3, padding="same", groups=1)(start) * 2.0
    z = keras.ops.concatenate([z, keras.ops.relu(z)], axis=-1)[:, 1:]
    z = keras.ops.mean(z, axis=[1, 2])
    z = keras.layers.LSTM(5)(keras.ops.expand_dims(z, 1))
    model = keras.Model(start, keras.layers.Dense(2)(z - 1.0))
    for format in (".keras", ".h5"):
        save(model, tmp_path / f"m{format}", {}, probe=np.ones((2, 4, 4, 3), "float32"))
        assert load(tmp_path / f"m{format}", KerasRegistry()).warnings == ()


def test_reading_a_large_sound_file_keeps_to_its_budget(tmp_path: Path) -> None:
    model = keras.Sequential([keras.Input((2000,)), keras.layers.Dense(3000)])
    save(model, tmp_path / "m.keras", {})
    found = container.read(tmp_path / "m.keras")
    assert found.stored == 4 * model.count_params()


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("format", [".keras", ".h5"])
def test_a_class_that_a_notebook_did_not_register_is_taken_from_a_plugin(format: str, tmp_path: Path) -> None:
    class Doubling(keras.Layer):
        def call(self, inputs: Any) -> Any:
            return 2 * inputs

    class Adopting(KerasRegistry):
        def resolve_registered(self, name: str) -> object | None:
            if name == "Doubling":
                keras.saving.get_custom_objects()[name] = Doubling
            return super().resolve_registered(name)

    keras.Sequential([keras.Input((2,)), Doubling(), keras.layers.Dense(1)]).save(tmp_path / f"m{format}")
    if format == ".keras":
        with pytest.raises(FileError, match="neither Keras' nor registered"):
            load(tmp_path / f"m{format}", KerasRegistry())
    try:
        model = load(tmp_path / f"m{format}", Adopting()).model
    finally:
        keras.saving.get_custom_objects().pop("Doubling", None)
    assert type(model.layers[0]) is Doubling
