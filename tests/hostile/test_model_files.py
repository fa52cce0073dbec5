"""Model files that a stranger made: each is refused in one plain sentence, in seconds, whatever is in it."""

from __future__ import annotations

import json
import os
import socket
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.hostile.asking import Asker
from tests.hostile.files import (
    NASTY,
    Config,
    dense_config,
    h5_file,
    hanging_h5_file,
    keras_file,
    swelling_h5_file,
    weights,
)
from tests.hostile.terminal import run_in_terminal

MOST_MEMORY = 1 << 30
Make = Callable[[Path], object]


def layer(config: Config) -> Config:
    found: Config = config["config"]["layers"][1]
    return found


def changed(**values: Any) -> Make:
    """A `.keras` file whose Dense layer has other keys."""
    return lambda path: keras_file(path, edit=lambda config: layer(config).update(values))


def argument(**values: Any) -> Make:
    """A `.keras` file whose Dense layer has other arguments."""
    return lambda path: keras_file(path, edit=lambda config: layer(config)["config"].update(values))


def member(name: str, content: bytes, packing: int = zipfile.ZIP_STORED) -> Make:
    return lambda path: keras_file(path, members={name: content}, packing=packing)


def h5(fill: Callable[[Any], object]) -> Make:
    return lambda path: keras_file(path, members={"model.weights.h5": weights(fill)})


def nested(levels: int, around: str = "[", end: str = "]") -> str:
    return around * levels + end * levels


def config_text(text: str) -> Make:
    return lambda path: keras_file(path, text)


def twice(path: Path) -> None:
    keras_file(path)
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(path, "a") as file:
        file.writestr("config.json", json.dumps(dense_config()))


def patched(offset: int, code: str, value: int, central: bool = True) -> Make:
    """A zip archive with one field of each entry changed (at an offset in the central directory's record)."""

    def make(path: Path) -> None:
        keras_file(path)
        content = bytearray(path.read_bytes())
        start = 0
        while (start := content.find(b"PK\x01\x02" if central else b"PK\x03\x04", start)) >= 0:
            struct.pack_into(code, content, start + offset, value)
            start += 4
        path.write_bytes(content)

    return make


def cut(part: float, make: Make = keras_file) -> Make:
    def short(path: Path) -> None:
        make(path)
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * part)])

    return short


def many_members(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as file:
        for number in range(20_000):
            file.writestr(f"assets/{number}", b"")


def many_objects(file: Any) -> None:
    """Far more names than weights, which cost little in the file."""
    group = file.create_group("many")
    for number in range(100_001):
        group.id.links.create_hard(b"%d" % number, file.id, b"layers/dense/vars/0")


def bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("config.json", b" " * (200 << 20))
        file.writestr("model.weights.h5", weights())


def huge_dataset(file: Any) -> None:
    file.create_dataset("big", shape=(1 << 40,), dtype="f4", chunks=(1 << 20,))


def packed_dataset(file: Any) -> None:
    file.create_dataset("zeros", data=np.zeros(100 << 20, "u1"), chunks=(1 << 20,), compression="gzip")


def deep_groups(file: Any) -> None:
    group = file
    for _ in range(300):
        group = group.create_group("g")


def ring(file: Any) -> None:
    file["layers/dense/again"] = file["layers"]


def object_dataset(file: Any) -> None:
    file.create_dataset("texts", data=[NASTY.replace("\0", "")], dtype=h5py.string_dtype())


def virtual(file: Any) -> None:
    layout = h5py.VirtualLayout((2,), "f4")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (2,))
    file.create_virtual_dataset("v", layout)


def external(file: Any) -> None:
    file.create_dataset("e", (4,), "u1", external=[("/etc/passwd", 0, 4)])


def filtered(file: Any) -> None:
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_chunk((4,))
    properties.set_filter(32015, h5py.h5z.FLAG_OPTIONAL)
    h5py.h5d.create(file.id, b"f", h5py.h5t.NATIVE_FLOAT, h5py.h5s.create_simple((4,)), properties)


def with_class(name: Any, **more: Any) -> Make:
    return changed(class_name=name, **more)


WRONG_TYPES: list[Any] = [0, 1.5, True, [], ["x"], {}, {"a": 1}, 10**400]

REFUSED: dict[str, Make] = {
    # the archive
    "bzip2": lambda path: keras_file(path, packing=zipfile.ZIP_BZIP2),
    "lzma": lambda path: keras_file(path, packing=zipfile.ZIP_LZMA),
    "deflate64": patched(10, "<H", 9),
    "unknown packing": patched(10, "<H", 97),
    "sizes that disagree": patched(24, "<I", 7),
    "a size of 4 GB": patched(24, "<I", 0xFFFFFFFE),
    "encrypted": patched(8, "<H", 1),
    "another version": patched(6, "<H", 999),
    "an offset beyond the end": patched(42, "<I", 0x7FFFFFFF),
    "a local header of another name": patched(30, "<H", 0x4141, central=False),
    "a long local name": patched(26, "<H", 0xFFFF, central=False),
    "two members of a name": twice,
    "many members": many_members,
    "a bomb": bomb,
    "a member elsewhere": member("assets/../../x", b""),
    "a strange member": member(NASTY, b""),
    "no weights": lambda path: keras_file(path, members={"model.weights.h5": b""}),
    "weights of text": member("model.weights.h5", b"no HDF5 at all"),
    "half of it": cut(0.5),
    "nearly all of it": cut(0.99),
    # the JSON
    "no JSON": config_text("{"),
    "a JSON list": config_text("[]"),
    "a JSON number": config_text("7"),
    "nested lists": config_text('{"a": ' + nested(200) + "}"),
    "nested beyond Python": config_text('{"a": ' + nested(200_000) + "}"),
    "nested maps": config_text(nested(300, '{"a":', "}").replace(':}', ':1}', 1)),
    "a number of 5000 digits": config_text('{"a": ' + "9" * 5000 + "}"),
    "NUL bytes": member("config.json", b"\0" * 100),
    "not UTF-8": member("config.json", b'{"class_name": "\xff\xfe"}'),
    "metadata of text": member("metadata.json", NASTY.encode()),
    "metadata of a list": member("metadata.json", b"[1]"),
    "notes of a list": member("kwb.json", b"[]"),
    "notes of a number": member("kwb.json", b'{"state": 7, "layers": 8}'),
    # the classes
    **{f"class {value!r:.10}": with_class(value) for value in WRONG_TYPES},
    **{f"module {value!r:.10}": changed(module=value) for value in WRONG_TYPES},
    **{f"package {value!r:.10}": changed(registered_name=value) for value in WRONG_TYPES},
    "a function's module in a list": argument(
        activation={"class_name": "function", "module": ["builtins"], "config": "relu", "registered_name": "relu"}
    ),
    "a function's name a map": argument(
        activation={"class_name": "function", "module": "builtins", "config": {"a": 1}, "registered_name": None}
    ),
    "a class of another module": changed(module="os", class_name="System"),
    "a name to be obeyed": with_class(NASTY),
    "a Lambda of Keras": with_class(
        "Lambda", config={"name": "l", "function": {"class_name": "function", "config": "eval"}}
    ),
    "a Lambda of a number": with_class("Lambda", config={"name": "l", "function": 7}),
    "a Lambda of a list": with_class("Lambda", config={"name": "l", "function": [{}]}),
    "a lambda": argument(activation={"class_name": "__lambda__", "config": {"value": "6wMAAA=="}}),
    "another file": with_class("TFSMLayer", config={"filepath": "/tmp/x"}),
    "a vocabulary elsewhere": with_class("StringLookup", config={"name": "s", "vocabulary": "/etc/passwd"}),
    # the sizes
    "two billion units": argument(units=2_000_000_000),
    "more units than digits": argument(units=10**4000),
    "a huge embedding": with_class("Embedding", config={"name": "e", "input_dim": 10**9, "output_dim": 10**9}),
    # the weights
    "a dataset of terabytes": h5(huge_dataset),
    "a packed dataset": h5(packed_dataset),
    "deep groups": h5(deep_groups),
    "a ring of groups": h5(ring),
    "texts as weights": h5(object_dataset),
    "data in another file": h5(external),
    "a view of another file": h5(virtual),
    "a filter to be loaded": h5(filtered),
    "a soft link": h5(lambda file: file.__setitem__("s", h5py.SoftLink("/layers"))),
    "an external link": h5(lambda file: file.__setitem__("s", h5py.ExternalLink("/etc/passwd", "/"))),
    "a named type": h5(lambda file: file.__setitem__("t", np.dtype("f4"))),
    "many names": h5(many_objects),
}  # fmt: skip

REFUSED_H5: dict[str, Make] = {
    "text": lambda path: path.write_bytes(NASTY.encode() * 20),
    "nothing": lambda path: path.write_bytes(b""),
    "a signature": lambda path: path.write_bytes(b"\x89HDF\r\n\x1a\n" + b"\xff" * 500),
    "half of it": cut(0.5, h5_file),
    "JSON that is none": lambda path: h5_file(path, NASTY),
    "a JSON list": lambda path: h5_file(path, "[[]]"),
    "nested": lambda path: h5_file(path, '{"a": ' + nested(5000) + "}"),
    "a configuration of numbers": lambda path: h5_file(
        path, fill=lambda file: file.attrs.__setitem__("model_config", 7)
    ),
    "a class of a list": lambda path: h5_file(path, {"class_name": ["x"], "config": {}}),
    "names that are numbers": lambda path: h5_file(
        path, fill=lambda file: file["model_weights"].attrs.__setitem__("layer_names", 5.0)
    ),
    "weights elsewhere": lambda path: h5_file(
        path, fill=lambda file: file.__setitem__("s", h5py.ExternalLink("/etc/passwd", "/"))
    ),
    "a loop in HDF5": hanging_h5_file,
    "memory without end": swelling_h5_file,
}  # fmt: skip

# Odd, and still a model: nothing is wrong with a name.
FINE: dict[str, Make] = {
    "a name to be obeyed": argument(name=NASTY),
    "half a surrogate": argument(name="\ud800"),
    "a key to be obeyed": argument(**{NASTY: 1}),
    "a name that is a number": argument(name=7),
    "numbers that are none": argument(seed=float("nan"), scale=float("inf")),
    "loss of a wrong type": lambda path: keras_file(
        path, edit=lambda c: c["compile_config"].update(loss={"class_name": 7})
    ),
    "an optimizer of a list": lambda path: keras_file(path, edit=lambda c: c["compile_config"].update(optimizer=[1])),
    "a learning rate of a list": lambda path: keras_file(
        path, edit=lambda c: c["compile_config"]["optimizer"]["config"].update(learning_rate=[{}])
    ),
    "compile arguments of text": lambda path: keras_file(path, edit=lambda c: c.update(compile_config=NASTY)),
    "UTF-16": member("config.json", json.dumps(dense_config()).encode("utf-16")),
    "packed": lambda path: keras_file(path, packing=zipfile.ZIP_DEFLATED),
    "a version of a list": member("metadata.json", b'{"keras_version": [1, {}]}'),
    "a weight to be obeyed": h5(lambda file: file.create_dataset(NASTY.replace("/", ""), data=1.0)),
}  # fmt: skip


@pytest.fixture(scope="module")
def asker() -> Iterator[Asker]:
    asker = Asker()
    yield asker
    asker.close()


def message(answer: dict[str, Any]) -> str:
    """Why a file is refused; empty where it is not."""
    if "error" not in answer:
        return str(answer["result"].get("refusal", ""))
    error = answer["error"]
    sentence = f"{error['what']} {error['hint']}"
    assert error["what"].endswith("."), sentence
    assert len(sentence) < 1000, sentence
    assert "Traceback" not in sentence
    return sentence


@pytest.mark.parametrize("name", REFUSED)
def test_a_keras_file_is_refused(name: str, asker: Asker, tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    REFUSED[name](path)
    assert message(asker.ask_of("inspect", path))
    assert asker.memory() < MOST_MEMORY


@pytest.mark.parametrize("name", REFUSED_H5)
def test_an_h5_file_is_refused(name: str, asker: Asker, tmp_path: Path) -> None:
    path = tmp_path / "m.h5"
    REFUSED_H5[name](path)
    assert message(asker.ask_of("inspect", path)) or message(asker.ask_of("check", path))


@pytest.mark.parametrize("name", FINE)
def test_what_is_only_odd_is_shown(name: str, asker: Asker, tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    FINE[name](path)
    answer = asker.ask_of("inspect", path)
    assert answer["result"]["parameters"] >= 3
    assert not message(answer)
    assert "result" in asker.ask_of("check", path)


def make_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def make_socket(path: Path) -> None:
    here = os.getcwd()
    os.chdir(path.parent)  # the name of a socket must be short
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


NO_FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "named pipe": (os.mkfifo, "is a named pipe, not a file."),
    "device": (make_device, "is a device, not a file."),
    "socket": (make_socket, "is a socket, not a file."),
    "folder": (Path.mkdir, "it is a folder"),
    "nothing": (lambda path: None, "no such file"),
}


@pytest.mark.parametrize("name", NO_FILES)
@pytest.mark.parametrize("ending", ["x.keras", "x.weights.h5"])
def test_what_is_no_file_is_refused_at_once(name: str, ending: str, asker: Asker, tmp_path: Path) -> None:
    make, words = NO_FILES[name]
    make(tmp_path / ending)
    assert words in message(asker.ask_of("inspect", tmp_path / ending))
    assert words in message(asker.ask_of("check", tmp_path / ending))


@pytest.mark.parametrize(
    "command", [["inspect"], ["evaluate", "--data", "digits"], ["predict", "--data", "digits"]]
)
def test_every_command_refuses_in_one_line(command: list[str], tmp_path: Path) -> None:
    hanging_h5_file(tmp_path / "loop.h5")
    os.mkfifo(tmp_path / "pipe.keras")
    for name, words in (
        ("loop.h5", "refused: reading it takes too long."),
        ("pipe.keras", "is a named pipe"),
    ):
        done = run_in_terminal([command[0], name, *command[1:]], tmp_path, size=(40, 500))
        assert done.process.returncode == 3
        assert done.text.startswith(f"kwb: {name}: {words}")
        assert done.text.count("\n") == 1


def test_ctrl_c_ends_the_reading_of_a_file(tmp_path: Path) -> None:
    from tests.hostile.terminal import Terminal

    hanging_h5_file(tmp_path / "loop.h5")
    terminal = Terminal(["inspect", "loop.h5"], tmp_path)
    try:
        child = Path(f"/proc/{terminal.process.pid}/task/{terminal.process.pid}/children")
        terminal.until(lambda: child.read_text().split())
        terminal.press("\x03")
        assert terminal.wait() in (130, 3)  # 3 where the limit was reached before
    finally:
        terminal.close()
