"""Make mutants: one small error each, of a kind that people make, put into the source of a layer that has none.

Each operator takes a class' syntax tree and yields changed copies with a word on what was changed.
"""

from __future__ import annotations

import ast
import copy
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

Change = Callable[[ast.ClassDef], Iterator[tuple[str, ast.ClassDef]]]


@dataclass(frozen=True)
class Mutant:
    """A class with one error.

    Attributes:
        layer: its name, which is that of the class without the error.
        what: what was changed.
        source: the class' source.
    """

    layer: str
    what: str
    source: str


def mutants(source: str) -> list[Mutant]:
    """All mutants of the classes of a file."""
    found: dict[tuple[str, str], Mutant] = {}
    for cls in [node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)]:
        original = ast.unparse(cls)
        for operator in OPERATORS:
            for what, changed in operator(cls):
                text = ast.unparse(ast.fix_missing_locations(changed))
                if text != original:
                    found.setdefault((cls.name, text), Mutant(cls.name, what, text))
    return list(found.values())


def sample(every: list[Mutant], count: int, seed: int) -> list[Mutant]:
    """Some of them, the same for the same seed."""
    return random.Random(seed).sample(every, min(count, len(every)))


def _method(cls: ast.ClassDef, name: str) -> ast.FunctionDef | None:
    return next((n for n in cls.body if isinstance(n, ast.FunctionDef) and n.name == name), None)


def _edited(cls: ast.ClassDef, method: str, edit: Callable[[ast.FunctionDef], None]) -> ast.ClassDef:
    changed = copy.deepcopy(cls)
    function = _method(changed, method)
    assert function is not None
    edit(function)
    return changed


def forget_a_config_key(cls: ast.ClassDef) -> Iterator[tuple[str, ast.ClassDef]]:
    """`get_config` leaves out an argument."""
    for name, index in _config_keys(cls):

        def edit(function: ast.FunctionDef, index: int = index) -> None:
            found = _dict_of(function)
            del found.keys[index], found.values[index]

        yield f"get_config forgets {name}", _edited(cls, "get_config", edit)


def freeze_a_config_value(cls: ast.ClassDef) -> Iterator[tuple[str, ast.ClassDef]]:
    """`get_config` always gives one value."""
    for name, index in _config_keys(cls):

        def edit(function: ast.FunctionDef, index: int = index) -> None:
            _dict_of(function).values[index] = ast.Constant(3)

        yield f"get_config gives 3 for {name}", _edited(cls, "get_config", edit)


def _dict_of(function: ast.FunctionDef) -> ast.Dict:
    return next(node for node in ast.walk(function) if isinstance(node, ast.Dict))


def _config_keys(cls: ast.ClassDef) -> Iterator[tuple[str, int]]:
    if (function := _method(cls, "get_config")) is not None:
        for index, key in enumerate(_dict_of(function).keys):
            if isinstance(key, ast.Constant):
                yield str(key.value), index


def no_keywords(cls: ast.ClassDef) -> Iterator[tuple[str, ast.ClassDef]]:
    """`__init__` takes no name, dtype and trainable."""
    if _method(cls, "__init__") is None:
        return

    def edit(function: ast.FunctionDef) -> None:
        function.args.kwarg = None
        for call in (n for n in ast.walk(function) if isinstance(n, ast.Call)):
            call.keywords = [k for k in call.keywords if k.arg is not None]

    yield "__init__ takes no **kwargs", _edited(cls, "__init__", edit)


def _is_for_training(function: ast.FunctionDef | None, node: ast.Return) -> bool:
    """True if a value is returned in training only."""
    conditions = [n for n in ast.walk(function) if isinstance(n, ast.If)] if function else []
    for condition in conditions:
        turned = ast.unparse(condition.test) == "not training"
        inside = any(node in ast.walk(each) for each in condition.body)
        if "training" in ast.unparse(condition.test) and inside != turned:
            return True
    return False


def _in_call(
    cls: ast.ClassDef, what: str, new: str, *, in_training: bool = True
) -> Iterator[tuple[str, ast.ClassDef]]:
    """Each value that `call` returns is replaced: `_` stands for it."""
    function = _method(cls, "call")
    returns = [n for n in ast.walk(function) if isinstance(n, ast.Return)] if function else []
    for number, returned in enumerate(returns):
        if not in_training and _is_for_training(function, returned):
            continue

        def edit(changed: ast.FunctionDef, number: int = number) -> None:
            found = [n for n in ast.walk(changed) if isinstance(n, ast.Return)][number]
            first = changed.args.args[1].arg
            template = ast.parse(new.replace("INPUT", first), mode="eval").body

            class Put(ast.NodeTransformer):
                def visit_Name(self, node: ast.Name) -> ast.expr:
                    return found_value if node.id == "_" else node

            found_value = found.value
            assert found_value is not None
            found.value = Put().visit(template)

        yield f"{what} (return {number + 1})", _edited(cls, "call", edit)


def across_rows(cls: ast.ClassDef) -> Iterator[tuple[str, ast.ClassDef]]:
    """In inference alone: in training many layers rightly do so."""
    mean, largest = "keras.ops.mean(_, axis=0, keepdims=True)", "(1.0 + keras.ops.max(keras.ops.abs(_)))"
    yield from _in_call(cls, "its mean over the batch is taken off", f"_ - {mean}", in_training=False)
    yield from _in_call(cls, "divided by the largest of the batch", f"_ / {largest}", in_training=False)


def single_precision(cls: ast.ClassDef) -> Iterator[tuple[str, ast.ClassDef]]:
    yield from _in_call(cls, "a constant of float32 is added", "_ + tf.constant(0.5, 'float32')")
    yield from _in_call(cls, "returned as float32", "keras.ops.cast(_, 'float32')")


def cut_gradient(cls: ast.ClassDef) -> Iterator[tuple[str, ast.ClassDef]]:
    source = ast.unparse(cls)
    if "add_weight" in source or "layers." in source.partition("def __init__")[2]:
        yield from _in_call(cls, "no gradient", "keras.ops.stop_gradient(_)")
        yield from _in_call(cls, "computed by numpy", "tf.numpy_function(lambda a: a, [_], _.dtype)")


def not_a_number(cls: ast.ClassDef) -> Iterator[tuple[str, ast.ClassDef]]:
    yield from _in_call(cls, "the logarithm of what may be negative", "keras.ops.log(_)")


def noise_in_inference(cls: ast.ClassDef) -> Iterator[tuple[str, ast.ClassDef]]:
    yield from _in_call(cls, "noise of Python's own", "_ * float(__import__('random').random())")


def bound_batch(cls: ast.ClassDef) -> Iterator[tuple[str, ast.ClassDef]]:
    yield from _in_call(
        cls, "reshaped to the first number of rows", "keras.ops.reshape(_, (5, *_.shape[1:]))"
    )


def eager_only(cls: ast.ClassDef) -> Iterator[tuple[str, ast.ClassDef]]:
    yield from _in_call(cls, "something else in a graph", "_ if tf.executing_eagerly() else _ * 2.0")


def kept(cls: ast.ClassDef) -> Iterator[tuple[str, ast.ClassDef]]:
    """`call` keeps something from call to call."""
    for what, line in (
        ("keeps the results in a list", "self.__dict__.setdefault('kept', []).append(1)"),
        ("counts its calls", "self.__dict__['count'] = self.__dict__.get('count', 0) + 1"),
    ):
        if _method(cls, "call") is not None:
            yield (
                what,
                _edited(cls, "call", lambda function, line=line: function.body.insert(0, _statement(line))),
            )


def _statement(line: str) -> ast.stmt:
    return ast.parse(line).body[0]


def weights_elsewhere(cls: ast.ClassDef) -> Iterator[tuple[str, ast.ClassDef]]:
    """A weight or layer that Keras does not see, or that is made in `call`."""
    build = _method(cls, "build")
    for index, node in enumerate(build.body if build else ()):
        if isinstance(node, ast.Assign) and "add_weight" in ast.unparse(node.value):
            name = ast.unparse(node.targets[0])

            def raw(function: ast.FunctionDef, index: int = index) -> None:
                assign = function.body[index]
                assert isinstance(assign, ast.Assign)
                shape = next(k.value for k in assign.value.keywords if k.arg == "shape")  # type: ignore[attr-defined]
                assign.value = ast.parse(f"tf.Variable(tf.ones({ast.unparse(shape)}))", mode="eval").body

            yield f"{name} is a bare tf.Variable", _edited(cls, "build", raw)
            changed = copy.deepcopy(cls)
            source, target = _method(changed, "build"), _method(changed, "call")
            assert source is not None
            assert target is not None
            moved = source.body.pop(index)
            source.body = source.body or [ast.Pass()]
            first = target.args.args[1].arg
            target.body[:0] = [
                _statement(f"{source.args.args[1].arg} = {first}.shape"),
                moved,
            ]
            yield f"{name} is made in call", changed
    init = _method(cls, "__init__")
    for index, node in enumerate(init.body if init else ()):
        if isinstance(node, ast.Assign) and "keras.layers." in ast.unparse(node.value):
            name = ast.unparse(node.targets[0])

            def hidden(function: ast.FunctionDef, index: int = index) -> None:
                assign = function.body[index]
                assert isinstance(assign, ast.Assign)
                assign.value = ast.parse(
                    f"(lambda hidden: (lambda *a, **k: hidden(*a, **k)))({ast.unparse(assign.value)})",
                    mode="eval",
                ).body

            yield f"{name} is hidden in a function", _edited(cls, "__init__", hidden)


def wrong_shape(cls: ast.ClassDef) -> Iterator[tuple[str, ast.ClassDef]]:
    if _method(cls, "compute_output_shape") is not None:

        def edit(function: ast.FunctionDef) -> None:
            function.body = [_statement(f"return (*{function.args.args[1].arg}[:-1], 77)")]

        yield "compute_output_shape says 77", _edited(cls, "compute_output_shape", edit)


def training_swapped(cls: ast.ClassDef) -> Iterator[tuple[str, ast.ClassDef]]:
    """`if training` is turned round, left out, or always true."""
    call = _method(cls, "call")
    conditions = [n for n in ast.walk(call) if isinstance(n, ast.If | ast.IfExp)] if call else []
    for number, condition in enumerate(conditions):
        if "training" not in ast.unparse(condition.test):
            continue
        for what, new in (("turned round", "not ({})"), ("always true", "True"), ("always false", "False")):

            def edit(function: ast.FunctionDef, number: int = number, new: str = new) -> None:
                found = [n for n in ast.walk(function) if isinstance(n, ast.If | ast.IfExp)][number]
                found.test = ast.parse(new.format(ast.unparse(found.test)), mode="eval").body

            yield f"the condition on training is {what}", _edited(cls, "call", edit)


def misspelt(cls: ast.ClassDef) -> Iterator[tuple[str, ast.ClassDef]]:
    call = _method(cls, "call")
    names = (
        sorted(
            {
                ast.unparse(n)
                for n in ast.walk(call)
                if isinstance(n, ast.Attribute) and ast.unparse(n.value) == "self"
            }
        )
        if call
        else []
    )
    for name in names:

        def edit(function: ast.FunctionDef, name: str = name) -> None:
            for node in ast.walk(function):
                if isinstance(node, ast.Attribute) and ast.unparse(node) == name:
                    node.attr += "x"

        yield f"{name} is misspelt in call", _edited(cls, "call", edit)


def mask_mutants(cls: ast.ClassDef) -> Iterator[tuple[str, ast.ClassDef]]:
    init, call = _method(cls, "__init__"), _method(cls, "call")
    if init is None or call is None or "mask" not in {a.arg for a in call.args.args}:
        return

    def unset(function: ast.FunctionDef) -> None:
        function.body = [n for n in function.body if "supports_masking" not in ast.unparse(n)]

    yield "supports_masking is not set", _edited(cls, "__init__", unset)

    def ignore(function: ast.FunctionDef) -> None:
        function.body.insert(0, _statement("mask = None"))

    yield "the mask is ignored", _edited(cls, "call", ignore)


def vector_loss(cls: ast.ClassDef) -> Iterator[tuple[str, ast.ClassDef]]:
    call = _method(cls, "call")
    if call is not None:
        line = f"self.add_loss(keras.ops.sum(keras.ops.ones_like({call.args.args[1].arg}), axis=-1))"
        yield (
            "adds a loss for each row",
            _edited(cls, "call", lambda function: function.body.insert(0, _statement(line))),
        )


def moved_in_inference(cls: ast.ClassDef) -> Iterator[tuple[str, ast.ClassDef]]:
    build = _method(cls, "build")
    if build is None or "add_weight" not in ast.unparse(build):
        return
    changed = copy.deepcopy(cls)
    source, target = _method(changed, "build"), _method(changed, "call")
    assert source is not None
    assert target is not None
    source.body.append(
        _statement(
            "self.moved = self.add_weight(name='moved', shape=(), initializer='zeros', trainable=False)"
        )
    )
    target.body.insert(0, _statement("self.moved.assign(self.moved + 1.0)"))
    yield "moves a variable in inference", changed


OPERATORS: tuple[Change, ...] = (
    forget_a_config_key, freeze_a_config_value, no_keywords, across_rows, single_precision, cut_gradient, not_a_number,
    noise_in_inference, bound_batch, eager_only, kept, weights_elsewhere, wrong_shape, training_swapped, misspelt,
    mask_mutants, vector_loss, moved_in_inference,
)  # fmt: skip
