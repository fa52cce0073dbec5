"""Folder trees like those that the system of another machine shows: its bus, NVIDIA's driver, control groups."""

from __future__ import annotations

from pathlib import Path

from workbench.devices.cuda_libraries import LIBRARIES
from workbench.devices.tensorflow_devices import TensorFlowDevices

FIRST, SECOND = "0000:01:00.0", "0000:02:00.0"
TENSORFLOW = TensorFlowDevices("2.21.0", "3.15.1", "12.5.1", "9", intra_op=2, inter_op=2, growth=True)


def put(root: Path, path: str, text: str = "") -> Path:
    """Write a file below the root folder."""
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def card(root: Path, address: str, vendor: str, driver: str = "", kind: str = "0x030000") -> None:
    """A card on the bus, with the kernel's driver that holds it."""
    folder = f"sys/bus/pci/devices/{address}"
    put(root, f"{folder}/vendor", f"{vendor}\n")
    put(root, f"{folder}/class", f"{kind}\n")
    put(root, f"{folder}/device", "0x2204\n")
    if driver:
        (root / "sys/bus/pci/drivers" / driver).mkdir(parents=True, exist_ok=True)
        (root / folder / "driver").symlink_to(f"../../drivers/{driver}")


def nvidia_machine(root: Path, *addresses: str, version: str = "550.54.14", nodes: int | None = None) -> None:
    """Cards of NVIDIA with their driver loaded; `nodes`: how many of them are in /dev, by default all."""
    for number, address in enumerate(addresses):
        card(root, address, "0x10de", "nvidia")
        text = f"Model: \t\t NVIDIA GeForce RTX 309{number}\nIRQ:   \t\t 34\n"
        put(root, f"proc/driver/nvidia/gpus/{address}/information", text)
    put(root, "usr/lib/x86_64-linux-gnu/libcuda.so.1")
    module = (
        f"NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  {version}  Release Build  (root@host)\n"
    )
    put(root, "proc/driver/nvidia/version", f"{module}GCC version:  gcc version 12.3.0 (Ubuntu 12.3.0-1)\n")
    count = len(addresses) if nodes is None else nodes
    for name in [
        *(f"nvidia{number}" for number in range(count)),
        *(["nvidiactl", "nvidia-uvm"] if count else []),
    ]:
        put(root, f"dev/{name}")


def cuda_libraries(root: Path, folder: str, version: str = "12") -> None:
    """CUDA's libraries in a folder."""
    for library in LIBRARIES:
        number = {"cudnn": "9", "cufft": "11", "cusolver": "11"}.get(library, version)
        put(root, f"{folder}/lib{library}.so.{number}")
