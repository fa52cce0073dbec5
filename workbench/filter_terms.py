"""Lines that select rows of a table: `price>100 city:Berlin garden=yes "living area"<80 sea`.

Terms are separated by blanks, and all of them must hold. A term is a column, an operator and a value, or a text that
any column may hold. `:` means "contains"; without a value `=` finds what is missing, and `!=` what is not.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Mapping
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


def parse_filter(line: str, find: Callable[[str], str]) -> tuple[Term, ...]:
    """The terms of a line.

    Args:
        line: what was typed.
        find: gives the column of a name as it was typed; see `find_name`.

    Raises:
        RecipeError: a term names no column.
    """
    return tuple(_term(token, find) for token in _tokens(line))


def find_name(name: str, names: Collection[str], what: str = "column") -> str:
    """The one of several names that is meant, in capital or small letters.

    Args:
        what: what they are called in an error.

    Raises:
        RecipeError: it is none of them.
    """
    if name in names:
        return name
    found = next((each for each in names if each.casefold() == name.casefold()), None)
    if found is None:
        raise RecipeError(f"there is no {what} '{name}'.", hint=did_you_mean(name, names))
    return found


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


def _term(token: str, find: Callable[[str], str]) -> Term:
    quoted = False
    for at, letter in enumerate(token):
        quoted ^= letter == '"'
        sign = "" if quoted else next((each for each in _OPERATORS if token.startswith(each, at)), "")
        if sign and at:
            name, text = token[:at].replace('"', ""), token[at + len(sign) :].replace('"', "")
            try:
                return Term(text, find(name), sign)
            except RecipeError as error:
                error.hint = error.hint or f'In quotes it is looked for everywhere: "{token}".'
                raise
    return Term(token.replace('"', ""))
