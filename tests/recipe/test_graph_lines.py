"""Graph lines: what may be written, what is refused; nothing is ever executed."""

from __future__ import annotations

import pytest

from workbench.errors import RecipeError
from workbench.recipe.graph import Apply, Make, Ref, parse_line

X, Y = Ref("x"), Ref("y")


def value(text: str) -> Apply:
    return parse_line(f"z = {text}").value


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("block(x)", Apply("block", (X,))),
        ("Dense(30)(x)", Apply(Make("Dense", (30,)), (X,))),
        ("Dense(30, activation='relu')(x)", Apply(Make("Dense", (30,), (("activation", "relu"),)), (X,))),
        ("acme.Gate()(x)", Apply(Make("acme.Gate"), (X,))),
        ("Add()(x, y)", Apply(Make("Add"), (X, Y))),
        ("Add()([x, y])", Apply(Make("Add"), ((X, Y),))),
        ("Add()((x, y))", Apply(Make("Add"), ((X, Y),))),
        ("A()(B()(x))", Apply(Make("A"), (Apply(Make("B"), (X,)),))),
        ("A(L2(0.1))(x)", Apply(Make("A", (Make("L2", (0.1,)),)), (X,))),
        ("A(k=L2(l2=0.1))(x)", Apply(Make("A", (), (("k", Make("L2", (), (("l2", 0.1),))),)), (X,))),
        (
            "A(-1.5e-3, [1, None], {'a': (True,)})(x)",
            Apply(Make("A", (-0.0015, [1, None], {"a": (True,)})), (X,)),
        ),
        ("att(x, value=y)", Apply("att", (X,), (("value", Y),))),
        ("att(x, value=A()(y))", Apply("att", (X,), (("value", Apply(Make("A"), (Y,))),))),
        ("rnn(x, initial_state=[x, y])", Apply("rnn", (X,), (("initial_state", (X, Y)),))),
        ("att(x, causal=True, axes=[1, 2])", Apply("att", (X,), (("causal", True), ("axes", [1, 2])))),
        ("(A()(x))  # a comment", Apply(Make("A"), (X,))),
        ("A(\n  3,\n)(x)", Apply(Make("A", (3,)), (X,))),
    ],
)
def test_what_may_be_written(text, read):
    assert value(text) == read


@pytest.mark.parametrize(
    ("left", "targets"), [("z", ("z",)), ("a, b", ("a", "b")), ("(a, b)", ("a", "b")), ("[a, b]", ("a", "b"))]
)
def test_results_are_named_on_the_left(left, targets):
    assert parse_line(f"  {left} = A()(x)").targets == targets


REFUSED = {
    "z = x": "a graph line gives a name to a layer's output",
    "A()(x)": "a graph line gives a name to a layer's output",
    "z += A()(x)": "a graph line gives a name to a layer's output",
    "z: int = A()(x)": "a graph line gives a name to a layer's output",
    "y = z = A()(x)": "a graph line gives a name to a layer's output",
    "import os": "a graph line gives a name to a layer's output",
    "z = x.y": "a graph line gives a name to a layer's output",
    "": "a graph line gives a name to a layer's output",
    "z = Dense(30)": "this makes a layer and calls it on nothing",
    "z = Flatten()": "this makes a layer and calls it on nothing",
    "z = Dense(30)()": "'Dense' is called on nothing",
    "z = x + y": "a graph line calls layers and does no arithmetic",
    "z = A()(x) + y": "a graph line calls layers and does no arithmetic",
    "z = A()(x + y)": "a graph line calls layers and does no arithmetic",
    "z = A()(x); y = B()(x)": "one item of the graph is one call",
    "z = A()(x)\ny = B()(x)": "one item of the graph is one call",
    "a, a = A()(x)": "a name stands twice on the left side",
    "a.b = A()(x)": "the left side must be names",
    "a[0] = A()(x)": "the left side must be names",
    "*a, b = A()(x)": "the left side must be names",
    "z = A()(x[0])": "a layer is called on names of tensors",
    "z = A()(1)": "a layer is called on names of tensors",
    "z = A()(*x)": "a layer is called on names of tensors",
    "z = A()({'a': x})": "a layer is called on names of tensors",
    "z = A()(y := x)": "a layer is called on names of tensors",
    "z = A()()(x)": "a layer is made once and called once",
    "z = A()(x)(y)": "a layer is made once and called once",
    "z = a.b.C()(x)": "`a.b.C` is not the name of a layer",
    "z = A().method(x)": "`A().method` is not the name of a layer",
    "z = x[0](y)": "`x[0]` is not the name of a layer",
    "z = (lambda: 1)(x)": "`lambda: 1` is not the name of a layer",
    "z = A(lambda x: x)(x)": "`lambda x: x` is not a plain value",
    "z = A([i for i in x])(x)": "`[i for i in x]` is not a plain value",
    "z = A(f'{x}')(x)": "`f'{x}'` is not a plain value",
    "z = A(1 + 2)(x)": "`1 + 2` is not a plain value",
    "z = A(1 if x else 2)(x)": "`1 if x else 2` is not a plain value",
    "z = A(not 1)(x)": "`not 1` is not a plain value",
    "z = A([x + 1])(x)": "`x + 1` is not a plain value",
    "z = A({x: 1})(x)": "`{x: 1}` is not a plain value",
    "z = A({1: d})(x)": "`{1: d}` is not a plain value",
    "z = A(x.y)(x)": "`x.y` is not a plain value",
    "z = A(*x)(x)": "`*x` is not a plain value",
    "z = A(2j)(x)": "`2j` is not a plain value",
    "z = A(b'x')(x)": "`b'x'` is not a plain value",
    "z = A([b'x'])(x)": "`[b'x']` is not a plain value",
    "z = A({1, 2})(x)": "`{1, 2}` is not a plain value",
    "z = A({1: 2})(x)": "`{1: 2}` is not a plain value",
    "z = A(...)(x)": "`...` is not a plain value",
    "z = A(**x)(x)": "`**` is not allowed",
    "z = A()(**x)": "`**` is not allowed",
    "z = A(units=3, units=4)(x)": "this is not a graph line: keyword argument repeated: units",
    "z = A()(x": "this is not a graph line: '(' was never closed",
    "class = A()(x)": "this is not a graph line: invalid syntax",
    "z = A(" + "(" * 300 + ")" * 300 + ")(x)": "this is not a graph line: too many nested parentheses",
}


@pytest.mark.parametrize(("line", "shown"), REFUSED.items())
def test_what_is_refused_and_how(line, shown):
    with pytest.raises(RecipeError) as caught:
        parse_line(line, "model.graph[3]")
    if "repeated" in shown and "given twice" in caught.value.what:
        shown = "the argument 'units' is given twice"  # some versions of Python leave this to us
    assert caught.value.what.startswith(shown)
    assert caught.value.where == "model.graph[3]"
    assert caught.value.hint
    assert len(str(caught.value)) < 300


def test_the_refusal_of_a_layer_that_is_not_called_shows_how():
    with pytest.raises(RecipeError) as caught:
        parse_line('z = Dense(30, activation="relu")')
    assert caught.value.hint == "Call it, as in `Dense(30, activation='relu')(x)`."


@pytest.mark.parametrize(
    "line",
    [
        "z = __import__('os').mkdir('made')",
        "z = exec('import os')(x)",
        "z = A(__import__('os').mkdir('made'))(x)",
        "z = A([__import__('os').mkdir('made')])(x)",
        "z = A(k=().__class__.__bases__[0].__subclasses__())(x)",
        "z = A()(x, k=open('made', 'w').close())",
        "z = A()(__import__('os').mkdir('made'))",
    ],
)
def test_nothing_is_executed(line, tmp_path, monkeypatch):
    """Such a line is refused, or read as the name of a layer that no plugin has."""
    monkeypatch.chdir(tmp_path)
    try:
        read = parse_line(line)
    except RecipeError:
        pass
    else:
        assert isinstance(read.value, Apply)
    assert list(tmp_path.iterdir()) == []
