"""The text of `kwb devices`, and the record in the environment of a run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.devices.machines import FIRST, SECOND, TENSORFLOW, card, nvidia_machine
from workbench.devices.gpus import Gpu, GpuHardware, find_gpus
from workbench.devices.memory import MachineMemory
from workbench.devices.processor import Processor
from workbench.devices.reasons import why_unused
from workbench.devices.report import DeviceReport, find_devices
from workbench.devices.run_devices import devices_text, unused_notes
from workbench.process import import_keras

GIB = 1 << 30
PLAIN = DeviceReport(
    Processor("Intel(R) Xeon(R)", 8, 2),
    MachineMemory(16 * GIB, 12 * GIB),
    GpuHardware(),
    TENSORFLOW,
)


def test_a_machine_without_a_gpu() -> None:
    assert PLAIN.lines() == [
        "processor   Intel(R) Xeon(R)",
        "cores       2 of 8 for this process",
        "threads     2 in an operation, 2 operations at a time",
        "memory      16.0 GiB, 12.0 GiB free",
        "GPU         this machine has none",
        "TensorFlow  2.21.0, built for CUDA 12.5.1, cuDNN 9",
        "Keras       3.15.1",
    ]


def test_within_the_limits_of_a_group() -> None:
    report = replace(
        PLAIN,
        processor=Processor("x", 64, 64, 2.5),
        memory=MachineMemory(256 * GIB, 3 * GIB, 4 * GIB),
        tensorflow=replace(TENSORFLOW, intra_op=64, inter_op=64),
    )
    assert report.lines()[1:6] == [
        "cores       64 of 64 for this process; its control group allows 2.5",
        "threads     64 in an operation, 64 operations at a time",
        "            More threads than time for them. Before kwb is started:",
        "            export TF_NUM_INTRAOP_THREADS=3 TF_NUM_INTEROP_THREADS=3",
        "memory      256.0 GiB, 3.0 GiB free; its control group allows 4.0 GiB",
    ]
    assert report.for_run()["memory_gib"] == 4.0


def test_gpus_in_use() -> None:
    name = "NVIDIA A100-SXM4-40GB"
    gpus = tuple(Gpu("NVIDIA", name, address, "nvidia", 40 * GIB) for address in (FIRST, SECOND))
    report = replace(
        PLAIN,
        hardware=GpuHardware(gpus, "550.54.14", ("/dev/nvidia0", "/dev/nvidia1")),
        tensorflow=replace(TENSORFLOW, gpus=(name, name)),
    )
    assert report.lines()[4:8] == [
        "GPUs        NVIDIA A100-SXM4-40GB, 40.0 GiB at 0000:01:00.0",
        "            NVIDIA A100-SXM4-40GB, 40.0 GiB at 0000:02:00.0",
        "driver      550.54.14",
        "used        2 × NVIDIA A100-SXM4-40GB; memory is taken as it is needed",
    ]
    assert report.for_run()["gpus"] == [name, name]
    assert "unused_gpus" not in report.for_run()
    without = replace(report, tensorflow=replace(report.tensorflow, growth=False))
    assert "(TF_FORCE_GPU_ALLOW_GROWTH is not true)" in " ".join(without.lines())


def test_why_a_gpu_is_not_used_in_lines_that_fit(tmp_path: Path) -> None:
    nvidia_machine(tmp_path, FIRST, version="470.82.01")
    hardware = find_gpus(tmp_path, {"CUDA_VISIBLE_DEVICES": "-1"})
    reasons = why_unused(hardware, TENSORFLOW, ["libcudart.so.12", "libcudnn.so.9"])
    report = replace(PLAIN, hardware=hardware, reasons=reasons)
    lines = report.lines()
    assert max(map(len, lines)) <= 72
    assert lines[4:-2] == [
        "GPU         NVIDIA GeForce RTX 3090 at 0000:01:00.0",
        "driver      470.82.01",
        "used        none",
        "why not     hidden by CUDA_VISIBLE_DEVICES='-1'.",
        "            `unset CUDA_VISIBLE_DEVICES` shows all.",
        "            the driver 470.82.01 is too old for CUDA 12.5.1 of this",
        "            TensorFlow build.",
        "            Install NVIDIA's driver 525.60 or newer.",
        "            CUDA's libraries are missing: libcudart.so.12,",
        "            libcudnn.so.9.",
        "            pip install 'tensorflow[and-cuda]' installs all of them.",
    ]
    json.dumps(report.as_record())
    notes = unused_notes({"devices": report.for_run()})
    assert [level for level, _ in notes] == ["info", "warning", "warning"]
    assert notes[0][1] == (
        "not used: NVIDIA GeForce RTX 3090: hidden by CUDA_VISIBLE_DEVICES='-1'. "
        "`unset CUDA_VISIBLE_DEVICES` shows all."
    )


def test_a_gpu_that_is_left_alone_on_purpose_is_no_news_beside_one_in_use(tmp_path: Path) -> None:
    nvidia_machine(tmp_path, FIRST, SECOND)
    card(tmp_path, "0000:05:00.0", "0x1002", "amdgpu")
    hardware = find_gpus(tmp_path, {"CUDA_VISIBLE_DEVICES": "1"})
    tensorflow = replace(TENSORFLOW, gpus=("NVIDIA GeForce RTX 3091",))
    reasons = why_unused(hardware, tensorflow, ())
    report = replace(PLAIN, hardware=hardware, tensorflow=tensorflow, reasons=reasons)
    assert [reason.vendor for reason in reasons] == ["NVIDIA", "AMD"]
    assert "not used    hidden by CUDA_VISIBLE_DEVICES='1' (1 of 2)." in report.lines()
    assert unused_notes({"devices": report.for_run()}) == []


def test_the_devices_of_a_run_in_words() -> None:
    environment = {"devices": PLAIN.for_run()}
    assert devices_text(environment) == "on 2 cores (Intel(R) Xeon(R)), 2 threads, 16.0 GiB of memory"
    assert unused_notes(environment) == []
    one = replace(PLAIN, tensorflow=replace(TENSORFLOW, intra_op=1, gpus=("NVIDIA T4",)))
    text = devices_text({"devices": one.for_run()})
    assert text == "on NVIDIA T4, 2 cores (Intel(R) Xeon(R)), 1 thread, 16.0 GiB of memory"


@pytest.mark.parametrize(
    "devices", [None, "a word", [], {}, {"gpus": 3, "threads": [], "unused_gpus": "x"}, {"unused_gpus": [3]}]
)
def test_a_record_of_another_program(devices: object) -> None:
    assert isinstance(devices_text({"devices": devices}), str)
    assert unused_notes({"devices": devices}) == []


def test_two_reports_of_this_machine_are_equal_for_a_run(tmp_path: Path) -> None:
    import_keras()
    first = find_devices()
    filled = bytearray(64 << 20)  # what is free is another amount now
    assert find_devices().for_run() == first.for_run()
    assert len(filled) == 64 << 20
    assert first.tensorflow.cuda  # what is installed from PyPI is built for CUDA
    assert first.tensorflow.growth
    card(tmp_path, FIRST, "0x1002", "amdgpu")
    with_card = find_devices(root=tmp_path)
    ((level, text),) = unused_notes({"devices": with_card.for_run()})
    assert level == "info"
    assert text.startswith("not used: AMD GPU (PCI device 2204): a GPU of AMD: this TensorFlow is built for")
