"""The libraries that TensorFlow loads when it looks for GPUs: of CUDA, and of NVIDIA's driver."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from workbench.devices.cgroups import ROOT

# Where one of them cannot be loaded, TensorFlow goes on without any GPU.
LIBRARIES = ("cudart", "cublas", "cudnn", "cufft", "cusolver", "cusparse")
_FOLDERS = (
    "usr/lib/x86_64-linux-gnu",
    "usr/lib/aarch64-linux-gnu",
    "usr/lib64",
    "usr/lib",
    "usr/local/cuda/lib64",
    "usr/lib/wsl/lib",
)


def missing_libraries(
    cuda: str = "",
    cudnn: str = "",
    *,
    root: Path = ROOT,
    environment: Mapping[str, str] = os.environ,
    packages: Sequence[Path] | None = None,
) -> tuple[str, ...]:
    """The libraries that are nowhere to be found, as `libcudart.so.12`.

    Args:
        cuda, cudnn: the versions that TensorFlow was built for; "" for any.
        root: the root folder of the machine.
        environment: the variables of the process.
        packages: the folders of the Python package `nvidia`, which `tensorflow[and-cuda]` installs; None: look for it.
    """
    folders = list(_library_folders(root, environment, _packages() if packages is None else packages))
    versions = {"cudart": cuda, "cublas": cuda, "cudnn": cudnn}  # the numbers of the others are their own
    missing = []
    for library in LIBRARIES:
        version = versions.get(library, "").partition(".")[0]
        name = f"lib{library}.so" + (f".{version}" if version else "")
        if not _is_in(folders, f"{name}*"):
            missing.append(name)
    return tuple(missing)


def has_driver_library(root: Path = ROOT, environment: Mapping[str, str] = os.environ) -> bool:
    """True if the library of NVIDIA's driver is there. A container has it from the machine around it."""
    return _is_in(_library_folders(root, environment, []), "libcuda.so.1*")


def _is_in(folders: Iterable[Path], pattern: str) -> bool:
    for folder in folders:
        with suppress(OSError, ValueError):  # a variable may name anything
            if any(True for _ in folder.glob(pattern)):
                return True
    return False


def _packages() -> Sequence[Path]:
    spec = find_spec("nvidia")
    return [Path(folder) for folder in (spec.submodule_search_locations or ())] if spec else []


def _library_folders(root: Path, environment: Mapping[str, str], packages: Sequence[Path]) -> Iterator[Path]:
    for package in packages:
        yield from package.glob("*/lib")
    yield from (Path(folder) for folder in environment.get("LD_LIBRARY_PATH", "").split(":") if folder)
    if root == ROOT:
        yield Path(sys.prefix) / "lib"  # where conda has them
    yield from (root / folder for folder in _FOLDERS)
    for file in sorted((root / "etc/ld.so.conf.d").glob("*.conf")):
        with suppress(OSError, ValueError):
            lines = (line.strip() for line in file.read_text().splitlines())
            yield from (root / line.lstrip("/") for line in lines if line.startswith("/"))
