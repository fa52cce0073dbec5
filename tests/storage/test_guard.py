"""Hostile and damaged files: each refused in plain words, before Keras touches it."""

from __future__ import annotations

import contextlib
import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.storage.guarded_files import (
    Plugins,
    members_of,
    refusal,
    with_hdf5,
    zipped,
)
from workbench.errors import FileError
from workbench.storage import guard, inspect
from workbench.storage.formats import KerasRegistry, load


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
