"""Reduce an exception of Keras, TensorFlow or a plugin from a page of text to one sentence."""

from __future__ import annotations

import re

LONGEST = 500  # characters: TensorFlow lists all labels of a batch, Keras a whole configuration

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_WRAPPING = re.compile(
    r"Exception encountered when calling [^\n]*\n+(?P<inner>.*?)(?:\n+Arguments received by .*)?\Z", re.S
)
# Keras' words for any exception in a layer's `call`, where the layer does not declare its output shape.
_INFERRING = re.compile(
    r"Could not automatically infer the output shape .* Error encountered:\s+(?P<inner>.+)", re.S
)

# What TensorFlow puts before and behind the sentence that says why an operation failed.
_GRAPH_TRACE = re.compile(
    r"\AGraph execution error:\s+(Detected at node .*\n(?=\S))?|\A\{\{function_node [^}]*\}\}\s*", re.S
)
_GRAPH_PLACE = re.compile(r"\s*(\[\[\{\{node |\[Op:).*\Z", re.S)
# AutoGraph's own traceback, before the exception that it is about.
_IN_USER_CODE = re.compile(r"in user code:\n.*\n\s+(?=\w+(?:Error|Exception|Interrupt|Warning)?: )", re.S)
# "Dimensions must be equal, but are 10 and 3 for '{{node MatMul}} = MatMul[T=DT_FLOAT, ...](x, y)' with ..."
_FOR_NODE = re.compile(
    r" for '\{\{node [^}]*\}\} = [^']*'( with input shapes: [^.]*\])?(?: and with .*)?", re.S
)

# What Keras appends to a class that it cannot find: the configuration of the whole model.
_CONFIG = re.compile(r"\s*(Full object config|Object config|The full config): .*\Z", re.S)


# TensorFlow's log: "E0000 00:00:1795828508.235406    3217 cuda_platform.cc:52] failed call to cuInit ...", "2026-11-28
# 01:02:03.456: I tensorflow/..." and what it says before its first line.
_LOG_LINE = re.compile(
    r"[IWEF]\d{4} \d\d:\d\d:\d+\.\d+ "
    r"|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: [IWEF] "
    r"|WARNING: All log messages before absl|To enable the following instructions: "
)


def last_line(printed: str) -> str:
    """The last line that a process has printed; empty for none. TensorFlow's own log is left out: a process that ends
    says nothing by it."""
    lines = (line.strip() for line in reversed(printed.splitlines()))
    return next((line for line in lines if line and not _LOG_LINE.match(line)), "")


def short_message(error: BaseException, *, typed: bool = True) -> str:
    """The sentence that says what is wrong, in one line and without its last full stop.

    Args:
        error: an exception of Keras, TensorFlow or a plugin.
        typed: whether an exception of another kind than ValueError and RuntimeError is named, which say nothing.
    """
    if isinstance(error, SystemExit):
        return f"it called sys.exit({error.code!r})"
    cause = error.args[0] if isinstance(error, KeyError) and error.args else error  # its str() is a repr()
    text = _ANSI.sub("", str(cause)).strip()
    while match := _WRAPPING.search(text):
        text = match["inner"].strip()
    text = text.rpartition("Exception encountered: ")[
        2
    ]  # of a class that is rebuilt, once for each that holds it
    text = re.sub(r"\n*(Arguments received by|Call arguments received by).*", "", text, flags=re.S)
    if match := _INFERRING.match(text):
        text = match["inner"].strip()
    text = _GRAPH_TRACE.sub("", text)
    text = _GRAPH_PLACE.sub("", text)
    text = _IN_USER_CODE.sub("", text)
    text = _CONFIG.sub("", text)
    # The caller names the layer and its input's shape itself.
    text = re.sub(r"Input \d+ with name '[^']*' of layer '[^']*' is incompatible with the layer: ", "", text)
    text = re.sub(r"\. Full shape received: .*", "", text, flags=re.S)
    text = _FOR_NODE.sub(r"\1", text)
    first = " ".join(_first_paragraph(text).split()).rstrip(".")
    if len(first) > LONGEST:
        first = f"{first[:LONGEST].rsplit(' ', 1)[0]} ..."
    if not first:
        return type(error).__name__
    known = not typed or isinstance(error, ValueError | RuntimeError)
    return first if known else f"{type(error).__name__}: {first}"


def _first_paragraph(text: str) -> str:
    """With the next, where it ends with a colon."""
    first, *others = text.strip().split("\n\n")
    return f"{first} {others[0]}" if others and first.rstrip().endswith(":") else first


def short_path(path: str) -> str:
    """A layer's name where those above it are named: `out` of `block/out`, `hidden/0` of `block/hidden/0`."""
    above, _, name = path.rpartition("/")
    return f"{short_path(above)}/{name}" if above and name.isdecimal() else name
