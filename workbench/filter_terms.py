"""Lines that select rows of a table: `price>100 city:Berlin garden=yes "living area"<80 sea`.

Terms are separated by blanks, and all of them must hold. A term is a column, an operator and a value, or a text that
any column may hold. `:` means "contains"; without a value `=` finds what is missing, and `!=` what is not.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.errors import RecipeError, did_you_mean

_OPERATORS = (">=", "<=", "!=", ">", "<", "=", ":")
COMPARISONS: Mapping[str, Callable[[Any, float], Any]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "=": operator.eq,
    "!=": operator.ne,
}


@dataclass(frozen=True)
class Term:
    """One condition; without a column the text is looked for in all of them."""

    text: str
    column: str = ""
    operator: str = ""


def parse_filter(line: str, names: Sequence[str], what: str = "column") -> tuple[Term, ...]:
    """The terms of a line.

    Args:
        line: what was typed.
        names: the columns there are.
        what: what they are called in an error.

    Raises:
        RecipeError: a term names none of them.
    """
    return tuple(_term(token, names, what) for token in _tokens(line))


def _tokens(line: str) -> list[str]:
    """Parts between blanks; quotes hold together what has blanks in it, and stay."""
    tokens, token, quoted = [], "", False
    for letter in line:
        quoted ^= letter == '"'
        if letter.isspace() and not quoted:
            tokens.append(token)
            token = ""
        else:
            token += letter
    return [each for each in (*tokens, token) if each.strip('"')]


def _term(token: str, names: Sequence[str], what: str) -> Term:
    quoted = False
    for at, letter in enumerate(token):
        quoted ^= letter == '"'
        sign = "" if quoted else next((each for each in _OPERATORS if token.startswith(each, at)), "")
        if sign and at:
            name, text = token[:at].replace('"', ""), token[at + len(sign) :].replace('"', "")
            if name not in names:
                name = next((each for each in names if each.casefold() == name.casefold()), name)
            if name not in names:
                hint = did_you_mean(name, names) or f'In quotes it is looked for in all {what}s: "{token}".'
                raise RecipeError(f"there is no {what} '{name}'.", hint=hint)
            return Term(text, name, sign)
    return Term(token.replace('"', ""))
