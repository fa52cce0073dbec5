"""Why TensorFlow does not use a GPU that the machine has, and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from workbench.devices.gpus import VISIBLE, GpuHardware
from workbench.devices.tensorflow_devices import TensorFlowDevices

INSTALL = "pip install 'tensorflow[and-cuda]'"
_OLDEST_DRIVERS = {
    11: "450.80",
    12: "525.60",
    13: "580.65",
}  # by the main number of CUDA, as NVIDIA lists them


@dataclass(frozen=True)
class UnusedReason:
    """Why GPUs are not used, and what to do about it."""

    what: str
    hint: str = ""


def why_unused(
    hardware: GpuHardware, tensorflow: TensorFlowDevices, missing: Sequence[str]
) -> tuple[UnusedReason, ...]:
    """The reasons why GPUs of the machine are not used; none where all are, and where the machine has none.

    Args:
        missing: CUDA's libraries that are not to be found.
    """
    reasons: list[UnusedReason] = []
    nvidia = len(hardware.of("NVIDIA"))
    unused = nvidia if tensorflow.rocm else nvidia - len(tensorflow.gpus)
    if unused > 0:
        reasons += _why_not_nvidia(hardware, tensorflow, missing)
    if hardware.of("AMD") and not (tensorflow.rocm and tensorflow.gpus):
        reasons += _why_not_amd(tensorflow)
    return tuple(reasons)


def _why_not_nvidia(
    hardware: GpuHardware, tensorflow: TensorFlowDevices, missing: Sequence[str]
) -> Sequence[UnusedReason]:
    if tensorflow.error:
        return [_not_loaded(tensorflow)]
    if not tensorflow.cuda:
        made_for = "GPUs of AMD" if tensorflow.rocm else "the processor only"
        return [UnusedReason(f"this TensorFlow is built for {made_for}, without CUDA.", f"{INSTALL}.")]
    reasons = [*_hidden(hardware), *_between(hardware, tensorflow)]
    if missing and not tensorflow.gpus:
        names = ", ".join(missing)
        reasons.append(
            UnusedReason(f"CUDA's libraries are missing: {names}.", f"{INSTALL} installs all of them.")
        )
    if reasons:
        return reasons
    hint = "TF_CPP_MIN_LOG_LEVEL=0 kwb devices shows what TensorFlow says about it."
    listed = f"TensorFlow lists {len(tensorflow.gpus) or 'none'} of {len(hardware.of('NVIDIA'))}"
    return [UnusedReason(f"{listed}, and all that kwb looks at is there.", hint)]


def _hidden(hardware: GpuHardware) -> Iterator[UnusedReason]:
    count = len(hardware.of("NVIDIA"))
    hidden = count - hardware.allowed
    if hidden > 0:
        which = f" ({hidden} of {count})" if hidden < count else ""
        yield UnusedReason(
            f"hidden by {VISIBLE}={hardware.visible!r}{which}.", f"`unset {VISIBLE}` shows all."
        )


def _between(hardware: GpuHardware, tensorflow: TensorFlowDevices) -> Iterator[UnusedReason]:
    """What is wrong with NVIDIA's driver, or the way to it."""
    main = int(tensorflow.cuda.partition(".")[0]) if tensorflow.cuda.partition(".")[0].isdecimal() else 0
    oldest = _OLDEST_DRIVERS.get(main, "")
    wanted = f"NVIDIA's driver {oldest} or newer" if oldest else "a driver of NVIDIA"
    gpus = hardware.of("NVIDIA")
    if not hardware.driver:
        others = sorted({gpu.kernel_driver for gpu in gpus} - {"", "nvidia"})
        held = f", but {' and '.join(others)}" if others else ""
        hint = f"Install {wanted}; of a container, on the machine around it. Then `nvidia-smi` lists the GPU."
        yield UnusedReason(f"NVIDIA's driver is not loaded{held}.", hint)
        return
    if oldest and _numbers(hardware.driver) < _numbers(oldest):
        what = f"the driver {hardware.driver} is too old for CUDA {tensorflow.cuda} of this TensorFlow build."
        yield UnusedReason(what, f"Install {wanted}.")
    if hardware.in_wsl:
        return
    container = "In a container: start it with `--gpus all`. In a job of Slurm: ask for `--gres=gpu:1`."
    if not hardware.nodes:
        yield UnusedReason("the driver is loaded, but this process sees no /dev/nvidia0.", container)
    elif hardware.closed:
        files = ", ".join(hardware.closed)
        hint = "`ls -l /dev/nvidia*` shows which group may; your administrator can add you to it."
        yield UnusedReason(f"this user may not open {files}.", hint)
    elif len(hardware.nodes) < len(gpus):
        yield UnusedReason(
            f"this process sees {len(hardware.nodes)} of {len(gpus)} in /dev/nvidia*.", container
        )


def _why_not_amd(tensorflow: TensorFlowDevices) -> Sequence[UnusedReason]:
    if tensorflow.error:
        return [_not_loaded(tensorflow)]
    if tensorflow.rocm:
        return [UnusedReason("TensorFlow lists no GPU of AMD.", "`rocminfo` shows whether ROCm works.")]
    built = "CUDA, which is for GPUs of NVIDIA only" if tensorflow.cuda else "the processor only"
    return [
        UnusedReason(f"a GPU of AMD: this TensorFlow is built for {built}.", "Trainings use the processor.")
    ]


def _not_loaded(tensorflow: TensorFlowDevices) -> UnusedReason:
    return UnusedReason(f"TensorFlow cannot be loaded: {tensorflow.error}")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())
