"""Files and notebooks that are read as source, what is no Python in them, and what their modules are called."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scaffold.test_moving import HEAD, names, notebook, read
from workbench.errors import FileError, WorkbenchError
from workbench.scaffold.module_text import module_name_of
from workbench.scaffold.moving import what_moves
from workbench.scaffold.source_file import read_source


def test_what_looks_like_a_magic_and_is_python_stays(tmp_path):
    source = notebook(
        tmp_path, HEAD + "A = (7\n  % 4)\nB = '''\n!no\n'''\nclass L(layers.Layer):\n    x = A, B"
    )
    assert source.dropped == ()
    assert len(what_moves(source).body) == 3


def test_magics_inside_of_blocks_and_assignments_go(tmp_path):
    source = notebook(
        tmp_path,
        "import os\nfiles = !ls 'it\nif True:\n    !mkdir a \\\n      b\n    %cd a\nawait os.x()\n??os\n",
        "%%writefile a.py\nthis is not (python",
        HEAD + "class L(layers.Layer):\n    pass",
    )
    assert [each.where for each in source.dropped] == [
        "mine.ipynb, code cell 1, line 2",
        "mine.ipynb, code cell 1, line 4",
        "mine.ipynb, code cell 1, line 6",
        "mine.ipynb, code cell 1, line 8",
        "mine.ipynb, code cell 2, line 1",
    ]
    assert names(what_moves(source)) == {"L": "layer"}


def test_a_syntax_error_is_named_with_its_place(tmp_path):
    with pytest.raises(WorkbenchError, match="it is no valid Python: invalid syntax") as caught:
        read(tmp_path, "x = 1\ndef f(:\n    pass\n")
    assert caught.value.where == "mine.py:2"
    assert caught.value.exit_code == 2
    assert caught.value.origin.lines[-2:] == ("    def f(:", "          ^")
    with pytest.raises(WorkbenchError) as caught:
        notebook(tmp_path, "x = 1", "%magic\ny = = 2")
    assert caught.value.where == "mine.ipynb, code cell 2, line 2"


@pytest.mark.parametrize(
    ("name", "content", "error", "why"),
    [
        ("a.py", b"", WorkbenchError, "there is no code in it"),
        ("a.py", b"# only this\n", WorkbenchError, "there is no code in it"),
        ("a.py", b"x = '\xff'\n", FileError, "no text in UTF-8"),
        ("a.py", b"x = 1\0\n", WorkbenchError, "no valid Python"),
        ("a.ipynb", b"", FileError, "no JSON"),
        ("a.ipynb", b"[1]", FileError, "no notebook of format 4"),
        ("a.ipynb", b'{"worksheets": []}', FileError, "save it: that is format 4"),
        (
            "a.ipynb",
            b'{"cells": [{"cell_type": "markdown", "source": "a"}]}',
            WorkbenchError,
            "no code in it",
        ),
        ("a.txt", b"x = 1", WorkbenchError, "neither a Python file nor a notebook"),
    ],
)
def test_a_file_that_cannot_be_used_is_an_error(tmp_path, name, content, error, why):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(error, match=why):
        read_source(tmp_path / name)


def test_a_file_that_is_not_there_is_an_error_of_a_file(tmp_path):
    with pytest.raises(FileError, match="No such file"):
        read_source(tmp_path / "gone.py")


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("my_layers.py", "my_layers"),
        ("Untitled 3.ipynb", "untitled_3"),
        ("3d.py", "layers"),
        ("class.py", "layers"),
        ("plugin.py", "layers"),
        ("Gating-2024.py", "gating_2024"),
        ("größe.py", "layers"),
    ],
)
def test_the_module_is_called_as_the_file_where_it_can_be(file, name):
    assert module_name_of(Path(file)) == name
