"""The worker: a child process that runs Keras and exchanges JSON lines with its parent.

The parent writes commands to the child's standard input, one JSON object a line: `{"id": 7, "command": "train", ...}`.
The child writes to a descriptor of its own: replies, `{"reply": 7, "result": ...}` or `{"reply": 7, "error": {...}}`,
and between them the records of the event stream (see `workbench.events`). Whatever TensorFlow, a plugin or a crash
prints goes to a log file. The end of standard input means that the parent is gone.

`client` and `spawning` are the parent's side and never import keras; `child_main` is what a child runs.
A terminal app needs one child after another, so on Linux it has them forked from a `fork_server`, where TensorFlow is
loaded already.
"""
