"""Prepare this process for Keras on TensorFlow, before either is imported."""

from __future__ import annotations

import os


def prepare_for_keras() -> None:
    """Choose the backend and quieten TensorFlow's start-up lines; what the user has set stays."""
    os.environ["KERAS_BACKEND"] = "tensorflow"  # a ~/.keras/keras.json may say otherwise
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")


class Diverted:
    """While active, what anything writes to descriptor 1 goes to descriptor 2.

    Standard output carries the event stream; TensorFlow and plugins write to descriptor 1 whatever
    `sys.stdout` is. `stream` is the real standard output.
    """

    def __enter__(self) -> Diverted:
        self._kept = os.dup(1)
        os.set_inheritable(self._kept, False)
        self.stream = os.fdopen(os.dup(self._kept), "w", buffering=1, encoding="utf-8")
        os.dup2(2, 1)
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.stream.close()
        except BrokenPipeError:
            pass
        finally:
            os.dup2(self._kept, 1)
            os.close(self._kept)
