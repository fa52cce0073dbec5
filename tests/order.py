"""In which order the files of tests begin: those that take longest first, the rest by name.

Each process takes a file when it is done with the one before. A long file that began last would leave the other
processes with nothing to do.
"""

from __future__ import annotations

from pathlib import Path

import pytest

# Those that took 45 seconds and more on a quiet machine with two cores, the longest first.
LONGEST = (
    "search/test_searching.py",
    "search/test_storage.py",
    "search/test_layer_trial.py",
    "group/test_lost.py",
    "training/test_composed.py",
    "tui/test_typing.py",
    "group/hosts/test_lost.py",
    "group/hosts/test_refused.py",
    "queue/test_running.py",
    "training/test_guide_models.py",
    "search/test_fencing.py",
    "training/test_verifying.py",
    "scaffold/test_from_file.py",
    "tui/checking/test_saving.py",
    "group/test_equality.py",
    "group/test_refused.py",
    "tui/assembling/test_paths.py",
    "training/test_scaled_targets.py",
    "group/test_verified.py",
    "group/test_accumulated.py",
    "worker/test_worker.py",
    "training/test_saving.py",
    "tui/test_gc_tuning.py",
    "main_job/test_reload.py",
    "tui/test_slow_link.py",
    "tui/assembling/test_data_screen.py",
    "training/test_resume_matrix.py",
    "tui/test_queue.py",
    "search/test_pruning_by_hand.py",
    "tui/test_queue_tmux.py",
    "main_job/test_verifying_built_in.py",
    "check/test_command.py",
    "check/test_broken_layers.py",
    "training/test_own_training.py",
    "training/test_weights_by_output.py",
    "training/test_hand_over.py",
    "benchmarks/test_benchmarks.py",
    "storage/test_formats.py",
    "main_job/test_interrupt.py",
)


def longest_first(items: list[pytest.Item], tests: Path) -> None:
    """Sort tests by their files; those of a file keep their order. `tests` is the folder of all."""
    places = {tests / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(LONGEST)))
