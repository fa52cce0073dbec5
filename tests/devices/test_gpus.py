"""The GPUs of a machine, and why they are not used: each case is a tree of files like that of such a machine."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.devices.machines import FIRST, SECOND, TENSORFLOW, card, cuda_libraries, nvidia_machine, put
from workbench.devices import gpus
from workbench.devices.cuda_libraries import missing_libraries
from workbench.devices.gpus import Gpu, GpuHardware, find_gpus, gpus_to_share
from workbench.devices.reasons import why_unused
from workbench.devices.tensorflow_devices import TensorFlowDevices

SYSTEM = "usr/lib/x86_64-linux-gnu"


def reasons(
    root: Path, tensorflow: TensorFlowDevices = TENSORFLOW, environment: dict[str, str] | None = None
) -> list[str]:
    """The words for a machine."""
    variables = environment or {}
    hardware = find_gpus(root, variables)
    missing = missing_libraries(
        tensorflow.cuda, tensorflow.cudnn, root=root, environment=variables, packages=[root / "nvidia"]
    )
    return [f"{reason.what} {reason.hint}" for reason in why_unused(hardware, tensorflow, missing)]


def test_a_machine_without_a_gpu_has_nothing_to_say(tmp_path: Path) -> None:
    card(tmp_path, "0000:00:02.0", "0x8086")  # a processor of Intel with graphics
    card(tmp_path, FIRST, "0x10de", kind="0x040300")  # the sound of a card
    assert find_gpus(tmp_path, {}) == GpuHardware()
    assert reasons(tmp_path) == []
    assert gpus_to_share(tmp_path, {}) == ()


def test_a_card_without_a_driver(tmp_path: Path) -> None:
    card(tmp_path, FIRST, "0x10de")
    assert find_gpus(tmp_path, {}).gpus == (Gpu("NVIDIA", "NVIDIA GPU (PCI device 2204)", FIRST),)
    driver, libraries = reasons(tmp_path)
    assert driver.startswith("NVIDIA's driver is not loaded. Install NVIDIA's driver 525.60 or newer;")
    assert libraries.startswith(
        "CUDA's libraries are missing: libcudart.so.12, libcublas.so.12, libcudnn.so.9 and 3 more."
    )
    assert libraries.endswith("pip install 'tensorflow[and-cuda]' installs all of them.")


def test_a_card_that_another_driver_holds(tmp_path: Path) -> None:
    card(tmp_path, FIRST, "0x10de", "nouveau", kind="0x030200")
    cuda_libraries(tmp_path, SYSTEM)
    (driver,) = reasons(tmp_path)
    assert driver.startswith("NVIDIA's driver is not loaded, but nouveau.")


def test_a_driver_and_no_libraries(tmp_path: Path) -> None:
    nvidia_machine(tmp_path, FIRST)
    hardware = find_gpus(tmp_path, {})
    assert hardware.gpus == (Gpu("NVIDIA", "NVIDIA GeForce RTX 3090", FIRST, "nvidia"),)
    assert (hardware.driver, hardware.nodes) == ("550.54.14", ("/dev/nvidia0",))
    (libraries,) = reasons(tmp_path)
    assert libraries.startswith("CUDA's libraries are missing: ")
    assert gpus_to_share(tmp_path, {}) == ()


@pytest.mark.parametrize("place", [SYSTEM, "nvidia/all/lib", "opt/cuda/lib"])
def test_libraries_are_found_where_they_are(tmp_path: Path, place: str) -> None:
    nvidia_machine(tmp_path, FIRST)
    cuda_libraries(tmp_path, place)
    put(tmp_path, "etc/ld.so.conf.d/cuda.conf", "# of CUDA\n/opt/cuda/lib\n")
    (words,) = reasons(tmp_path)
    assert words.startswith(
        "TensorFlow lists none of 1, and all that kwb looks at is there. TF_CPP_MIN_LOG_LEVEL=0"
    )
    (tmp_path / place / "libcudnn.so.9").unlink()
    (words,) = reasons(tmp_path)
    assert words.startswith("CUDA's libraries are missing: libcudnn.so.9.")


def test_libraries_of_another_cuda_do_not_count(tmp_path: Path) -> None:
    nvidia_machine(tmp_path, FIRST)
    cuda_libraries(tmp_path, SYSTEM, version="13")
    (words,) = reasons(tmp_path, environment={"LD_LIBRARY_PATH": f"{tmp_path}/elsewhere"})
    assert words.startswith("CUDA's libraries are missing: libcudart.so.12, libcublas.so.12. ")
    cuda_libraries(tmp_path, "elsewhere")
    (words,) = reasons(tmp_path, environment={"LD_LIBRARY_PATH": f"{tmp_path}/elsewhere"})
    assert "missing" not in words


@pytest.mark.parametrize(
    ("version", "too_old"), [("470.82.01", True), ("525.60.13", False), ("580.65", False)]
)
def test_a_driver_that_is_too_old(tmp_path: Path, version: str, too_old: bool) -> None:
    nvidia_machine(tmp_path, FIRST, version=version)
    cuda_libraries(tmp_path, SYSTEM)
    (words,) = reasons(tmp_path)
    expected = (
        f"the driver {version} is too old for CUDA 12.5.1 of this TensorFlow build. "
        "Install NVIDIA's driver 525.60 or newer."
    )
    assert (words == expected) == too_old


@pytest.mark.parametrize(
    ("visible", "words"),
    [
        ("", "hidden by CUDA_VISIBLE_DEVICES=''. `unset CUDA_VISIBLE_DEVICES` shows all."),
        ("-1", "hidden by CUDA_VISIBLE_DEVICES='-1'."),
        ("7,0", "hidden by CUDA_VISIBLE_DEVICES='7,0'."),  # CUDA reads it up to the first that is none
        ("1", "hidden by CUDA_VISIBLE_DEVICES='1' (1 of 2)."),
        ("GPU-4f2", "hidden by CUDA_VISIBLE_DEVICES='GPU-4f2' (1 of 2)."),
        ("0,1", ""),
    ],
)
def test_hidden_by_the_variable(tmp_path: Path, visible: str, words: str) -> None:
    nvidia_machine(tmp_path, FIRST, SECOND)
    cuda_libraries(tmp_path, SYSTEM)
    allowed = find_gpus(tmp_path, {"CUDA_VISIBLE_DEVICES": visible}).allowed
    used = replace(TENSORFLOW, gpus=("NVIDIA GeForce RTX 3090",) * allowed)
    found = reasons(tmp_path, used, {"CUDA_VISIBLE_DEVICES": visible})
    assert len(found) == bool(words)
    assert "".join(found).startswith(words)


def test_a_container_without_the_files_of_the_gpus(tmp_path: Path) -> None:
    nvidia_machine(tmp_path, FIRST, SECOND, nodes=0)
    cuda_libraries(tmp_path, SYSTEM)
    (words,) = reasons(tmp_path)
    assert words.startswith(
        "the driver is loaded, but this process sees no /dev/nvidia0. In a container: start it"
    )
    put(tmp_path, "dev/nvidia1")
    library = tmp_path / SYSTEM / "libcuda.so.1"
    library.rename(tmp_path / "kept")
    (words,) = reasons(tmp_path)
    assert words.startswith("the driver's library libcuda.so.1 is missing. In a container: start it with")
    (tmp_path / "kept").rename(library)
    (words,) = reasons(tmp_path, replace(TENSORFLOW, gpus=("NVIDIA GeForce RTX 3091",)))
    assert words.startswith("this process sees 1 of 2 in /dev/nvidia*.")


CLOSED = """
import os, sys
from pathlib import Path
from workbench.devices.gpus import find_gpus
os.setgroups([]), os.setgid(65534), os.setuid(65534)  # root may open everything
print(*find_gpus(Path(sys.argv[1]), {}).closed)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="it becomes another user")
def test_files_that_this_user_may_not_open() -> None:
    with tempfile.TemporaryDirectory() as folder:  # those of pytest are its user's own
        root = Path(folder)
        root.chmod(0o755)
        nvidia_machine(root, FIRST)
        for node in (root / "dev").iterdir():
            node.chmod(0o660)
        done = subprocess.run(
            [sys.executable, "-c", CLOSED, folder], capture_output=True, text=True, timeout=60
        )
        assert done.stdout.split() == ["/dev/nvidia-uvm", "/dev/nvidia0", "/dev/nvidiactl"], done.stderr
        hardware = replace(find_gpus(root, {}), closed=("/dev/nvidia0",))
    (reason,) = why_unused(hardware, TENSORFLOW, ())
    assert reason.what == "this user may not open /dev/nvidia0."


def test_a_card_of_amd(tmp_path: Path) -> None:
    card(tmp_path, FIRST, "0x1002", "amdgpu")
    (words,) = reasons(tmp_path)
    assert words == "a GPU of AMD: this TensorFlow is built for CUDA, which is for GPUs of NVIDIA only. "
    assert reasons(tmp_path, replace(TENSORFLOW, cuda="", rocm=True, gpus=("AMD Radeon",))) == []


def test_a_build_without_cuda_and_one_that_cannot_be_loaded(tmp_path: Path) -> None:
    nvidia_machine(tmp_path, FIRST)
    (words,) = reasons(tmp_path, replace(TENSORFLOW, cuda="", cudnn=""))
    assert words.startswith("this TensorFlow is built for the processor only, without CUDA. pip install")
    (words,) = reasons(tmp_path, TensorFlowDevices(error="ImportError: no libstdc++"))
    assert words.startswith("TensorFlow cannot be loaded: ImportError: no libstdc++")


def test_all_is_well(tmp_path: Path) -> None:
    nvidia_machine(tmp_path, FIRST, SECOND)
    cuda_libraries(tmp_path, SYSTEM)
    assert reasons(tmp_path, replace(TENSORFLOW, gpus=("NVIDIA GeForce RTX 3090",) * 2)) == []
    assert gpus_to_share(tmp_path, {}) == ("0", "1")
    assert gpus_to_share(tmp_path, {"CUDA_VISIBLE_DEVICES": "1"}) == ("1",)


SMI = """#!/bin/sh
test "$1" = "--query-gpu=pci.bus_id,name,memory.total,driver_version" || exit 2
echo "00000000:0A:00.0, NVIDIA A100-SXM4-40GB, 40960, 550.54.14"
echo "00000000:0B:00.0, NVIDIA A100-SXM4-40GB, [N/A], 550.54.14"
"""


def test_the_driver_s_program_knows_names_and_memory(tmp_path: Path) -> None:
    card(tmp_path, "0000:0a:00.0", "0x10de", "nvidia")
    program = put(tmp_path, "nvidia-smi", SMI)
    program.chmod(0o755)
    hardware = find_gpus(tmp_path, {}, str(program))
    assert hardware.driver == "550.54.14"
    assert hardware.gpus == (
        Gpu("NVIDIA", "NVIDIA A100-SXM4-40GB", "0000:0a:00.0", "nvidia", 40960 << 20),
        Gpu("NVIDIA", "NVIDIA A100-SXM4-40GB", "0000:0b:00.0", "nvidia"),
    )
    program.write_text("#!/bin/sh\necho 'NVIDIA-SMI has failed'\nexit 9\n")
    assert len(find_gpus(tmp_path, {}, str(program)).gpus) == 1


def test_a_sandbox_that_shows_files_in_dev_only(tmp_path: Path) -> None:
    put(tmp_path, "dev/nvidia0")
    assert [gpu.name for gpu in find_gpus(tmp_path, {}).gpus] == ["NVIDIA GPU /dev/nvidia0"]


@pytest.mark.parametrize(
    "script",
    [
        "printf '\\377\\376 nonsense, \\200, 1, 2\\n'",  # no text
        "yes 'GPU, 0, x, y'",  # without an end
        "echo '00000000:0A:00.0, NVIDIA, ' $(printf '9%.0s' $(seq 5000)) ', 1'; exit 3",
        "echo 'ERROR: Unable to determine the device handle, unknown error, 1, 2'",
        "sleep 10 & sleep 10",  # hangs, and so does what it has started
        "kill -9 $$",
        "",
    ],
)
def test_a_program_that_is_broken_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    monkeypatch.setattr(gpus, "_PATIENCE", 2.0)
    nvidia_machine(tmp_path, FIRST)
    program = put(tmp_path, "nvidia-smi", f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    began = time.monotonic()
    hardware = find_gpus(tmp_path, {}, str(program))
    assert time.monotonic() - began < 20
    assert [(gpu.name, gpu.memory) for gpu in hardware.gpus] == [("NVIDIA GeForce RTX 3090", 0)]
    assert hardware.driver == "550.54.14"


def test_a_name_with_a_comma_and_a_memory_beyond_all_bounds(tmp_path: Path) -> None:
    line = f"00000000:0A:00.0, NVIDIA H100, 80GB, {'9' * 5000}, 1.2"
    program = put(tmp_path, "nvidia-smi", f"#!/bin/sh\necho '{line}'\n")
    program.chmod(0o755)
    hardware = find_gpus(tmp_path, {}, str(program))
    assert [(gpu.name, gpu.memory) for gpu in hardware.gpus] == [("NVIDIA H100, 80GB", 0)]


@pytest.mark.parametrize(
    ("visible", "allowed", "shared"),
    [
        ("--1", 0, ()),
        ("0,-1,1", 1, ("0",)),
        (" 1 , 0 ", 2, ("1", "0")),
        ("0,,1", 1, ("0",)),
        ("0,0", 2, ("0",)),
        ("NoDevFiles", 0, ()),
        ("all", 0, ()),
        ("\u0663", 0, ()),  # a three in Arabic
        ("9" * 5000, 0, ()),
        ("MIG-GPU-1/0/0", 1, ("MIG-GPU-1/0/0",)),
    ],
)
def test_odd_values_of_the_variable(
    tmp_path: Path, visible: str, allowed: int, shared: tuple[str, ...]
) -> None:
    nvidia_machine(tmp_path, FIRST, SECOND)
    variables = {"CUDA_VISIBLE_DEVICES": visible}
    assert find_gpus(tmp_path, variables).allowed == allowed
    assert gpus_to_share(tmp_path, variables) == shared


def test_files_of_the_system_that_are_no_text_and_folders_that_are_none(tmp_path: Path) -> None:
    nvidia_machine(tmp_path, FIRST)
    (tmp_path / f"proc/driver/nvidia/gpus/{FIRST}/information").write_bytes(b"Model: \t NVIDIA \xff\n")
    (tmp_path / "proc/driver/nvidia/version").write_bytes(b"\xff\xfe 550.54.14\n")
    odd = {"LD_LIBRARY_PATH": f"{'x' * 5000}:/etc/passwd:\0:[*"}
    hardware = find_gpus(tmp_path, odd)
    assert (hardware.driver, len(hardware.gpus)) == ("550.54.14", 1)
    assert missing_libraries(root=tmp_path, environment=odd, packages=[])
