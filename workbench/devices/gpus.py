"""The GPUs of the machine, found without TensorFlow, in the files of the system and by `nvidia-smi`.

Functions take the root folder of the machine: a test lays out the folders of another one.
"""

from __future__ import annotations

import os
import re
import subprocess
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from workbench.devices.cgroups import ROOT, read_text
from workbench.devices.cuda_libraries import has_driver_library, missing_libraries

VISIBLE = "CUDA_VISIBLE_DEVICES"
_VENDORS: dict[str, Literal["NVIDIA", "AMD"]] = {"0x10de": "NVIDIA", "0x1002": "AMD"}
_DISPLAY = "0x03"  # how the PCI class of graphics cards and of GPUs that only compute begins
MOST_GPUS = 1024  # of one machine, where nobody knows better
_PATIENCE = 10.0  # seconds; it hangs where a GPU is broken
_MOST_TEXT = 1 << 20  # bytes
_ADDRESS = re.compile(r"[0-9A-Fa-f]+:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\.[0-7]")  # on the PCI bus
_QUERY = ["--query-gpu=pci.bus_id,name,memory.total,driver_version", "--format=csv,noheader,nounits"]


@dataclass(frozen=True)
class Gpu:
    """A GPU of the machine, whether or not it can be used.

    Attributes:
        address: on the PCI bus, as `0000:01:00.0`; "" where that is not known.
        kernel_driver: the kernel's driver that holds it, as `nvidia` or `nouveau`; "" for none.
        memory: bytes; 0 where that is not known.
    """

    vendor: Literal["NVIDIA", "AMD"]
    name: str
    address: str = ""
    kernel_driver: str = ""
    memory: int = 0


@dataclass(frozen=True)
class GpuHardware:
    """The GPUs of the machine, and what stands between them and this process.

    Attributes:
        driver: the version of NVIDIA's driver; "" where it is not loaded.
        nodes: the files in /dev of NVIDIA's GPUs, as `/dev/nvidia0`.
        closed: files in /dev of NVIDIA's driver that this user may not open.
        has_library: whether the driver's library is there, `libcuda.so.1`.
        visible: the value of CUDA_VISIBLE_DEVICES; None where it is not set.
        in_wsl: the GPUs are those of Windows, which have no files in /dev.
    """

    gpus: tuple[Gpu, ...] = ()
    driver: str = ""
    nodes: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()
    has_library: bool = False
    visible: str | None = None
    in_wsl: bool = False

    def of(self, vendor: str) -> tuple[Gpu, ...]:
        """Those of one vendor."""
        return tuple(gpu for gpu in self.gpus if gpu.vendor == vendor)

    @property
    def allowed(self) -> int:
        """How many of NVIDIA's GPUs the variable allows. CUDA reads it up to the first name that is none."""
        count = len(self.of("NVIDIA"))
        if self.visible is None:
            return count
        return min(count, len(_visible_names(self.visible, count)))


def find_gpus(
    root: Path = ROOT, environment: Mapping[str, str] = os.environ, smi: str | None = None
) -> GpuHardware:
    """The GPUs of the machine.

    Args:
        root: the root folder of the machine.
        environment: the variables of the process.
        smi: the program `nvidia-smi`, which knows names and memory; None: do not start it, it takes up to a second.
    """
    found = {gpu.address: gpu for gpu in _on_the_bus(root)}
    for address, name in _of_the_driver(root).items():
        found[address] = replace(found.get(address, Gpu("NVIDIA", name, address, "nvidia")), name=name)
    listed, driver = _of_smi(smi)
    for gpu in listed:
        before = found.get(gpu.address, gpu)
        found[gpu.address] = replace(before, name=gpu.name, memory=gpu.memory)
    nodes = sorted(path for path in (root / "dev").glob("nvidia*") if not path.is_dir())
    numbered = [f"/dev/{path.name}" for path in nodes if re.fullmatch(r"nvidia\d+", path.name)]
    needed = [path for path in nodes if re.fullmatch(r"nvidia(\d+|ctl|-uvm)", path.name)]
    gpus = tuple(found[address] for address in sorted(found))
    if numbered and not any(
        gpu.vendor == "NVIDIA" for gpu in gpus
    ):  # a sandbox that shows neither bus nor driver
        gpus += tuple(Gpu("NVIDIA", f"NVIDIA GPU {node}") for node in numbered)
    return GpuHardware(
        gpus,
        driver=_driver_version(root) or driver,
        nodes=tuple(numbered),
        closed=tuple(f"/dev/{path.name}" for path in needed if not os.access(path, os.R_OK | os.W_OK)),
        has_library=has_driver_library(root, environment),
        visible=environment.get(VISIBLE),
        in_wsl=(root / "dev/dxg").exists(),
    )


def gpus_to_share(root: Path = ROOT, environment: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """The GPUs that trainings may be given, as CUDA_VISIBLE_DEVICES names them: those that the user has allowed by that
    variable, or else all that NVIDIA's driver lists, where TensorFlow can use them: it needs CUDA's libraries."""
    allowed = environment.get(VISIBLE)
    if allowed is not None:
        return tuple(dict.fromkeys(_visible_names(allowed)))
    count = len(_of_the_driver(root))
    if not count or missing_libraries(root=root, environment=environment):
        return ()
    return tuple(str(number) for number in range(count))


def _visible_names(visible: str, count: int = MOST_GPUS) -> list[str]:
    """The GPUs that a value of CUDA_VISIBLE_DEVICES names, up to the first name that is none, as CUDA reads it.

    Args:
        count: how many GPUs there are.
    """
    names = []
    for name in (name.strip() for name in visible.split(",")):
        is_name = name.startswith(("GPU-", "MIG-"))
        is_number = name.isascii() and name.isdecimal() and len(name) < 10 and int(name) < count
        if not is_name and not is_number:
            break
        names.append(name)
    return names


def _on_the_bus(root: Path) -> list[Gpu]:
    gpus = []
    for folder in sorted((root / "sys/bus/pci/devices").glob("*")):
        with suppress(OSError):
            vendor = _VENDORS.get(read_text(folder / "vendor").strip())
            if vendor is None or not read_text(folder / "class").startswith(_DISPLAY):
                continue
            driver = (
                os.path.basename(os.readlink(folder / "driver")) if (folder / "driver").is_symlink() else ""
            )
            number = read_text(folder / "device").strip().removeprefix("0x")
            name = f"{vendor} GPU (PCI device {number})"
            gpus.append(Gpu(vendor, name, _address(folder.name), driver))
    return gpus


def _of_the_driver(root: Path) -> dict[str, str]:
    """Address and name of each GPU that NVIDIA's driver has."""
    names = {}
    for folder in sorted((root / "proc/driver/nvidia/gpus").glob("*")):
        found = None
        with suppress(OSError):
            found = re.search(r"^Model:\s*(.+?)\s*$", read_text(folder / "information"), re.MULTILINE)
        names[_address(folder.name)] = found[1] if found else "NVIDIA GPU"
    return names


def _of_smi(program: str | None) -> tuple[list[Gpu], str]:
    """The GPUs that `nvidia-smi` lists, and the version of the driver; nothing where it fails."""
    gpus, driver = [], ""
    for line in _output_of(program).splitlines() if program is not None else ():
        first = [part.strip() for part in line.split(",", 1)]
        last = [part.strip() for part in first[-1].rsplit(",", 2)]  # a name may have a comma in it
        if len(first) == 2 and len(last) == 3 and _ADDRESS.fullmatch(first[0]):
            name, mebibytes, driver = last
            memory = int(mebibytes) << 20 if mebibytes.isdecimal() and len(mebibytes) < 10 else 0
            gpus.append(Gpu("NVIDIA", name, _address(first[0]), "nvidia", memory))
    return gpus, driver


def _output_of(program: str) -> str:
    """What `nvidia-smi` prints; nothing where it fails or hangs. One that waits for a broken GPU cannot even be killed:
    nobody waits for its end."""
    try:
        child = subprocess.Popen(
            [program, *_QUERY],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except OSError:
        return ""
    found: list[bytes] = []

    def read() -> None:
        assert child.stdout is not None
        with suppress(OSError, ValueError), child.stdout:
            found.append(child.stdout.read(_MOST_TEXT))

    reading = threading.Thread(target=read, daemon=True)
    reading.start()
    reading.join(_PATIENCE)
    with suppress(subprocess.TimeoutExpired):
        if found and child.wait(1.0) == 0:
            return found[0].decode(errors="replace")
    child.kill()
    with suppress(subprocess.TimeoutExpired):
        child.wait(1.0)
    return ""


def _driver_version(root: Path) -> str:
    with suppress(OSError):
        found = re.search(r"\b\d{3}\.\d+(\.\d+)?\b", read_text(root / "proc/driver/nvidia/version"))
        return found[0] if found else ""
    return ""


def _address(text: str) -> str:
    """One form for all: `nvidia-smi` writes four digits more, in capitals."""
    return text.lower()[-len("0000:01:00.0") :]
