"""What `kwb devices` says: the devices of the machine, those that TensorFlow uses, and why not the others."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from workbench.devices.cgroups import ROOT
from workbench.devices.cuda_libraries import missing_libraries
from workbench.devices.gpus import Gpu, GpuHardware, find_gpus
from workbench.devices.memory import MachineMemory, find_memory, size_text
from workbench.devices.processor import Processor, find_processor
from workbench.devices.reasons import UnusedReason, why_unused
from workbench.devices.run_devices import names_text
from workbench.devices.tensorflow_devices import GROWTH, TensorFlowDevices, ask_tensorflow

_LABEL = 12  # cells
_WIDTH = 72  # cells of a line: so it fits into a dialog on a terminal of 80


@dataclass(frozen=True)
class DeviceReport:
    """The devices here.

    Attributes:
        hardware: the GPUs that the machine has.
        tensorflow: what TensorFlow uses.
        reasons: why it does not use all of the GPUs.
    """

    processor: Processor
    memory: MachineMemory
    hardware: GpuHardware
    tensorflow: TensorFlowDevices
    reasons: tuple[UnusedReason, ...] = ()

    def as_record(self) -> dict[str, Any]:
        """The report in JSON's types; sizes in bytes."""
        return {
            "processor": asdict(self.processor) | {"cores": self.processor.cores},
            "memory": asdict(self.memory),
            "gpus": [asdict(gpu) for gpu in self.hardware.gpus],
            "nvidia_driver": self.hardware.driver,
            "cuda_visible_devices": self.hardware.visible,
            "tensorflow": asdict(self.tensorflow),
            "not_used": [asdict(reason) for reason in self.reasons],
        }

    def lines(self) -> list[str]:
        """The report for people, which a terminal of 80 columns and a dialog in it show as it is."""
        rows = [*self._processor_rows(), *self._memory_rows(), *self._gpu_rows(), *self._tensorflow_rows()]
        return [line for label, text in rows for line in _wrapped(label, text)]

    def for_run(self) -> dict[str, Any]:
        """The devices of a run, for its environment: nothing in it differs between two equal runs on one machine."""
        tensorflow = self.tensorflow
        record: dict[str, Any] = {
            "cpu": self.processor.name,
            "cores": self.processor.cores,
            "threads": {"intra_op": tensorflow.intra_op, "inter_op": tensorflow.inter_op},
            "gpus": list(tensorflow.gpus),
            "memory_gib": round(self.memory.most / 2**30, 1),
        }
        # Where a GPU is in use, another one that is left alone on purpose is no news.
        reasons = [reason for reason in self.reasons if not (reason.wanted and tensorflow.gpus)]
        if reasons:
            record["unused_gpus"] = [
                {
                    "gpus": [gpu.name for gpu in self.hardware.of(reason.vendor)],
                    "level": "info" if reason.wanted else "warning",
                    "reason": f"{reason.what} {reason.hint}".strip(),
                }
                for reason in reasons
            ]
        return record

    def _processor_rows(self) -> Iterator[tuple[str, str]]:
        processor, threads = self.processor, self.tensorflow
        yield "processor", processor.name
        text = f"{processor.allowed_cores} of {processor.machine_cores} for this process"
        if processor.quota is not None:
            text += f"; its control group allows {processor.quota:g}"
        yield "cores", text
        if not threads.error:
            yield "threads", f"{threads.intra_op} in an operation, {threads.inter_op} operations at a time"
        if processor.quota is not None and max(threads.intra_op, threads.inter_op) > processor.cores:
            count = processor.cores
            advice = f"TF_NUM_INTRAOP_THREADS={count} TF_NUM_INTEROP_THREADS={count}"
            yield "", "More threads than time for them. Before kwb is started:"
            yield "", f"export {advice}"

    def _memory_rows(self) -> Iterator[tuple[str, str]]:
        memory = self.memory
        limit = "" if memory.limit is None else f"; its control group allows {size_text(memory.limit)}"
        yield "memory", f"{size_text(memory.total)}, {size_text(memory.free)} free{limit}"

    def _gpu_rows(self) -> Iterator[tuple[str, str]]:
        gpus, used = self.hardware.gpus, self.tensorflow.gpus
        if not gpus and not used:
            yield "GPU", "this machine has none"
            return
        label = "GPU" if len(gpus) < 2 else "GPUs"
        for gpu in gpus:
            yield label, _gpu_text(gpu)
            label = ""
        if self.hardware.driver:
            yield "driver", self.hardware.driver
        growth = "memory is taken as it is needed"
        if not self.tensorflow.growth:
            growth = f"all memory is taken at the start ({GROWTH} is not true)"
        yield "used", f"{names_text(used)}; {growth}" if used else "none"
        label = "not used" if used else "why not"
        for reason in self.reasons:
            yield label, reason.what
            if reason.hint:
                yield "", reason.hint
            label = ""

    def _tensorflow_rows(self) -> Iterator[tuple[str, str]]:
        tensorflow = self.tensorflow
        if tensorflow.error:
            yield "TensorFlow", f"cannot be loaded: {tensorflow.error}"
            return
        built = f"CUDA {tensorflow.cuda}, cuDNN {tensorflow.cudnn}" if tensorflow.cuda else "the processor"
        built = "ROCm" if tensorflow.rocm else built
        yield "TensorFlow", f"{tensorflow.version}, built for {built}"
        yield "Keras", tensorflow.keras


def find_devices(*, root: Path = ROOT, ask_driver: bool = False) -> DeviceReport:
    """The devices here. TensorFlow must be loaded; it does not begin to work by this.

    Args:
        root: the root folder of the machine.
        ask_driver: start `nvidia-smi` as well, which takes up to a second.
    """
    processor = find_processor(root)
    return report_on(ask_tensorflow(processor.allowed_cores), processor, root=root, ask_driver=ask_driver)


def report_on(
    tensorflow: TensorFlowDevices, processor: Processor, *, root: Path = ROOT, ask_driver: bool = False
) -> DeviceReport:
    """The devices here, beside what TensorFlow has answered."""
    hardware = find_gpus(root, smi=shutil.which("nvidia-smi") if ask_driver else None)
    missing: tuple[str, ...] = ()
    if hardware.of("NVIDIA") and not tensorflow.gpus:
        missing = missing_libraries(tensorflow.cuda, tensorflow.cudnn, root=root)
    reasons = why_unused(hardware, tensorflow, missing)
    return DeviceReport(processor, find_memory(root), hardware, tensorflow, reasons)


def _gpu_text(gpu: Gpu) -> str:
    facts = [gpu.name, size_text(gpu.memory) if gpu.memory else ""]
    place = f" at {gpu.address}" if gpu.address else ""
    return f"{', '.join(filter(None, facts))}{place}"


def _wrapped(label: str, text: str) -> list[str]:
    indent = " " * _LABEL
    first = f"{label:<{_LABEL}}"
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=first,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
