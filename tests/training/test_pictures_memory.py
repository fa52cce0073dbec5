"""Pictures that do not fit into memory are trained on all the same, and take little of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.data.pictures import folder

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="no limit of address space elsewhere"),
    pytest.mark.slow,
]

FILES, SIDE = 1_000, 576  # 995 MB as pixels
ALLOWED = 480  # MiB of address space, of which the heaps of TensorFlow's threads take a good part

_CHILD = """
import resource, sys, tempfile
from pathlib import Path
import re
import psutil
from workbench.process import import_keras
import_keras()
import numpy as np, tensorflow as tf
from workbench.catalog.discovery import discover
from workbench.catalog.lookup import Catalog
from workbench.recipe.document import parse, to_yaml
from workbench.training.session import Session
folder, side, allowed, runs = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4])
content = {
    "kwb": 1,
    "data": {"use": "images", "path": str(folder), "size": [side, side]},
    "model": {"sequential": [
        {"use": "AveragePooling2D", "pool_size": 64}, "Flatten", {"use": "Dense", "units": 2, "activation": "softmax"},
    ]},
    "train": {"epochs": 1, "batch_size": 4, "loss": "sparse_categorical_crossentropy", "watch": "none"},
}
document = parse(to_yaml(content), name="r.yaml", folder=folder.parent)
# TensorFlow's threads take their address space first.
list(tf.data.Dataset.range(64).map(lambda x: x, num_parallel_calls=tf.data.AUTOTUNE).batch(4).prefetch(2))
tf.matmul(np.ones((64, 64), "float32"), np.ones((64, 64), "float32"))
begun = psutil.Process().memory_info()
resource.setrlimit(resource.RLIMIT_AS, (begun.vms + allowed * 2**20, resource.RLIM_INFINITY))
Session(document, Catalog(discover()), lambda event, line: None, runs_folder=runs).run()
status = Path("/proc/self/status").read_text()  # `ru_maxrss` counts what the parent had before this program
print(int(re.search(r"VmHWM:\\s*(\\d+) kB", status)[1]) * 1024 - begun.rss)
"""


def test_twice_the_pictures_that_memory_allows_are_trained_on(tmp_path: Path) -> None:
    pictures = folder(tmp_path / "p", {"ant": FILES // 2, "bee": FILES // 2}, size=(8, 8), suffix=".jpg")
    arguments = [str(pictures), str(SIDE), str(ALLOWED), str(tmp_path / "runs")]
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, *arguments], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    taken = int(done.stdout.split()[-1])
    data = FILES * int(np.prod((SIDE, SIDE, 3)))
    assert data > 1.9 * ALLOWED * 2**20
    assert taken < data / 3
