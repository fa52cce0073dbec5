"""Ask TensorFlow, which must be loaded, for the GPUs and threads that it uses."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

GROWTH = "TF_FORCE_GPU_ALLOW_GROWTH"


@dataclass(frozen=True)
class TensorFlowDevices:
    """What TensorFlow can use.

    Attributes:
        version, keras: of the packages; "" where TensorFlow cannot be loaded.
        cuda, cudnn: the versions that it was built for; "" in a build without CUDA.
        rocm: whether it was built for GPUs of AMD.
        gpus: the names of the GPUs that it lists.
        intra_op: threads that share one operation.
        inter_op: operations that run at the same time.
        growth: whether it takes a GPU's memory as it needs it, in place of all at the start.
        error: why it cannot be loaded.
    """

    version: str = ""
    keras: str = ""
    cuda: str = ""
    cudnn: str = ""
    rocm: bool = False
    gpus: tuple[str, ...] = ()
    intra_op: int = 0
    inter_op: int = 0
    growth: bool = False
    error: str = ""


def ask_tensorflow(allowed_cores: int) -> TensorFlowDevices:
    """What TensorFlow can use. It does not begin to work by that: threads can still be set.

    Args:
        allowed_cores: the cores that this process may run on: so many threads there are where nobody has set them.
    """
    import keras
    import tensorflow as tf

    build: Mapping[str, Any] = tf.sysconfig.get_build_info()
    threading = tf.config.threading
    return TensorFlowDevices(
        tf.__version__,
        keras.__version__,
        str(build.get("cuda_version", "")) if build.get("is_cuda_build") else "",
        str(build.get("cudnn_version", "")) if build.get("is_cuda_build") else "",
        bool(build.get("is_rocm_build")),
        tuple(name.removeprefix("GPU ") for name in device_names() if name.startswith("GPU")),
        threading.get_intra_op_parallelism_threads()
        or _from_variable("TF_NUM_INTRAOP_THREADS", allowed_cores),
        threading.get_inter_op_parallelism_threads()
        or _from_variable("TF_NUM_INTEROP_THREADS", allowed_cores),
        os.environ.get(GROWTH) == "true",
    )


def device_names() -> list[str]:
    """`["CPU", "GPU NVIDIA A100-SXM4-40GB"]`: what decides how fast a training is here, and its last bits."""
    import tensorflow as tf

    names = []
    for device in tf.config.list_physical_devices():
        details = tf.config.experimental.get_device_details(device) if device.device_type == "GPU" else {}
        names.append(f"{device.device_type} {details.get('device_name', '')}".rstrip())
    return names


def _from_variable(name: str, cores: int) -> int:
    """The threads that a variable of TensorFlow sets, or one for each core."""
    value = os.environ.get(name, "")
    return int(value) if value.isdecimal() and len(value) < 10 and int(value) > 0 else cores
