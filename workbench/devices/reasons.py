"""Why TensorFlow does not use a GPU that the machine has, and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from workbench.devices.gpus import VISIBLE, GpuHardware
from workbench.devices.tensorflow_devices import TensorFlowDevices

MOST_NAMED = 3  # libraries
INSTALL = "pip install 'tensorflow[and-cuda]'"
# By the main number of CUDA, as NVIDIA lists them.
_OLDEST_DRIVERS = {"11": "450.80", "12": "525.60", "13": "580.65"}


@dataclass(frozen=True)
class UnusedReason:
    """Why GPUs are not used, and what to do about it.

    Attributes:
        vendor: of these GPUs.
        wanted: whether it is as the user has chosen it, or cannot be changed: nothing to warn of.
    """

    vendor: Literal["NVIDIA", "AMD"]
    what: str
    hint: str = ""
    wanted: bool = False


def why_unused(
    hardware: GpuHardware, tensorflow: TensorFlowDevices, missing: Sequence[str]
) -> tuple[UnusedReason, ...]:
    """The reasons why GPUs of the machine are not used; none where all are, and where the machine has none.

    Args:
        missing: CUDA's libraries that are not to be found.
    """
    reasons: list[UnusedReason] = []
    used = {"AMD" if tensorflow.rocm else "NVIDIA": len(tensorflow.gpus)}
    if len(hardware.of("NVIDIA")) > used.get("NVIDIA", 0):
        reasons += _why_not_nvidia(hardware, tensorflow, missing)
    if len(hardware.of("AMD")) > used.get("AMD", 0):
        reasons.append(_why_not_amd(tensorflow))
    return tuple(reasons)


def _why_not_nvidia(
    hardware: GpuHardware, tensorflow: TensorFlowDevices, missing: Sequence[str]
) -> Sequence[UnusedReason]:
    if tensorflow.error:
        return [_not_loaded("NVIDIA", tensorflow)]
    if not tensorflow.cuda:
        made_for = "GPUs of AMD" if tensorflow.rocm else "the processor only"
        what = f"this TensorFlow is built for {made_for}, without CUDA."
        return [UnusedReason("NVIDIA", what, f"{INSTALL} installs one with it.")]
    reasons = [*_hidden(hardware), *_between(hardware, tensorflow)]
    if missing and not tensorflow.gpus:
        named = ", ".join(missing[:MOST_NAMED])
        more = f" and {len(missing) - MOST_NAMED} more" if len(missing) > MOST_NAMED else ""
        what = f"CUDA's libraries are missing: {named}{more}."
        reasons.append(UnusedReason("NVIDIA", what, f"{INSTALL} installs all of them."))
    if reasons:
        return reasons
    listed = f"TensorFlow lists {len(tensorflow.gpus) or 'none'} of {len(hardware.of('NVIDIA'))}"
    hint = "TF_CPP_MIN_LOG_LEVEL=0 kwb devices shows what TensorFlow says about it."
    return [UnusedReason("NVIDIA", f"{listed}, and all that kwb looks at is there.", hint)]


def _hidden(hardware: GpuHardware) -> Iterator[UnusedReason]:
    count = len(hardware.of("NVIDIA"))
    hidden = count - hardware.allowed
    if hidden > 0:
        which = f" ({hidden} of {count})" if hidden < count else ""
        what = f"hidden by {VISIBLE}={hardware.visible!r}{which}."
        yield UnusedReason("NVIDIA", what, f"`unset {VISIBLE}` shows all.", wanted=True)


def _between(hardware: GpuHardware, tensorflow: TensorFlowDevices) -> Iterator[UnusedReason]:
    """What is wrong with NVIDIA's driver, or on the way to it."""
    main = tensorflow.cuda.partition(".")[0]
    oldest = _OLDEST_DRIVERS.get(main, "")
    install = f"Install NVIDIA's driver{f' {oldest} or newer' if oldest else ''}"
    gpus = hardware.of("NVIDIA")
    if not hardware.driver:
        others = sorted({gpu.kernel_driver for gpu in gpus} - {"", "nvidia"})
        held = f", but {' and '.join(others)}" if others else ""
        hint = f"{install}; for a container, on the machine around it. Then `nvidia-smi` lists the GPU."
        yield UnusedReason("NVIDIA", f"NVIDIA's driver is not loaded{held}.", hint)
        return
    if oldest and _numbers(hardware.driver) < _numbers(oldest):
        what = f"the driver {hardware.driver} is too old for CUDA {tensorflow.cuda} of this TensorFlow build."
        yield UnusedReason("NVIDIA", what, f"{install}.")
    container = "In a container: start it with `--gpus all`. In a job of Slurm: ask for `--gres=gpu:1`."
    if not hardware.nodes and not hardware.in_wsl:
        yield UnusedReason(
            "NVIDIA", "the driver is loaded, but this process sees no /dev/nvidia0.", container
        )
    elif hardware.closed:
        hint = "`ls -l /dev/nvidia*` shows which group may; your administrator can add you to it."
        yield UnusedReason("NVIDIA", f"this user may not open {', '.join(hardware.closed)}.", hint)
    elif not hardware.has_library and not tensorflow.gpus:
        yield UnusedReason("NVIDIA", "the driver's library libcuda.so.1 is missing.", container)
    elif len(hardware.nodes) < len(gpus) and not hardware.in_wsl:
        what = f"this process sees {len(hardware.nodes)} of {len(gpus)} in /dev/nvidia*."
        yield UnusedReason("NVIDIA", what, container, wanted=True)


def _why_not_amd(tensorflow: TensorFlowDevices) -> UnusedReason:
    if tensorflow.error:
        return _not_loaded("AMD", tensorflow)
    if tensorflow.rocm:
        return UnusedReason("AMD", "TensorFlow does not list it.", "`rocminfo` shows whether ROCm works.")
    built = "CUDA, which is for GPUs of NVIDIA only" if tensorflow.cuda else "the processor only"
    return UnusedReason("AMD", f"a GPU of AMD: this TensorFlow is built for {built}.", wanted=True)


def _not_loaded(vendor: Literal["NVIDIA", "AMD"], tensorflow: TensorFlowDevices) -> UnusedReason:
    return UnusedReason(vendor, f"TensorFlow cannot be loaded: {tensorflow.error}")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())
