"""What the server of `tests.loaded_kwb` loads before it forks; imported by nothing else.

As the app's own fork server it runs no operation of TensorFlow, so that it can be forked.
"""

import sys
import warnings

from workbench.process import import_keras

PATH = [folder for folder in sys.path if folder]  # as in a process that is just started

import_keras()
import sklearn.datasets  # noqa: E402, F401

import workbench.batch  # noqa: E402
import workbench.cli  # noqa: E402
import workbench.worker.commands  # noqa: E402, F401

warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
