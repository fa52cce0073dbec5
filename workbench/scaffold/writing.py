"""Write a plugin project from the files in `project/`.

They are copied as they are, except for the ending `.in`, the names `$distribution` and `$package` inside, and
`PACKAGE`, `NAME` and `dot-` in their paths.
"""

from __future__ import annotations

import importlib.util
import keyword
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

from workbench.errors import FileError, WorkbenchError

_PROJECT = Path(__file__).with_name("project")
_NAME = re.compile(r"[A-Za-z]([A-Za-z0-9._-]*[A-Za-z0-9])?\Z")


@dataclass(frozen=True)
class Names:
    """The names of a new plugin: `distribution` by pip, `package` by Python and in recipes (`package.Gate`)."""

    distribution: str
    package: str


def names_of(name: str) -> Names:
    """The names that follow from one: `Acme Layers` is refused, `Acme-Layers` is `acme-layers` and `acme_layers`.

    Raises:
        WorkbenchError: no distribution or no package can have the name, or a module has it.
    """
    if not _NAME.match(name):
        raise WorkbenchError(
            f"a plugin cannot be called '{name}'.",
            where="NAME",
            hint="Letters a-z, digits, '-', '_' and '.' make a name; it begins with a letter: acme-layers.",
        )
    parts = re.split(r"[-_.]+", name.lower())
    distribution, package = "-".join(parts), "_".join(parts)
    if keyword.iskeyword(package):
        raise WorkbenchError(
            f"no package can be called '{package}': it is a word of Python.",
            where="NAME",
            hint=f"For example {distribution}-layers.",
        )
    if (
        package == "kwb"
        or package in sys.stdlib_module_names
        or importlib.util.find_spec(package) is not None
    ):
        raise WorkbenchError(
            f"there is a package '{package}' already, which would be hidden.",
            where="NAME",
            hint=f"For example {distribution}-layers.",
        )
    return Names(distribution, package)


def write_project(names: Names, folder: Path) -> tuple[Path, ...]:
    """Write the project into a folder that is empty or not there yet.

    Returns:
        The files, relative to the folder.

    Raises:
        WorkbenchError: there is something in the folder already. FileError: it cannot be written.
    """
    check_empty(folder)
    return write_files(folder, project_texts(names))


def check_empty(folder: Path) -> None:
    """Refuse a folder that holds something.

    Raises:
        WorkbenchError: it does, or is a file. FileError: it cannot be read, or no folder can have the name.
    """
    try:
        free = not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))
    except OSError as error:
        raise FileError(f"cannot be used: {error.strerror}.", where=str(folder)) from error
    if not free:
        what = "is not empty" if folder.is_dir() else "is a file"
        raise WorkbenchError(
            f"it {what}, and nothing is written over.", where=str(folder), hint="--folder names another."
        )


def write_files(folder: Path, texts: Mapping[Path, str]) -> tuple[Path, ...]:
    """Write files, all of them or none: they stand in a folder beside it first, which then takes its name.

    Returns:
        The files, relative to the folder.

    Raises:
        FileError: they cannot be written.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as beside:
            whole = Path(beside) / "project"
            for path, text in texts.items():
                (whole / path).parent.mkdir(parents=True, exist_ok=True)
                (whole / path).write_text(text, encoding="utf-8")
            if folder.is_symlink():  # to an empty folder, which is the one to fill
                folder = folder.resolve()
            whole.rename(folder)
    except OSError as error:
        raise FileError(f"cannot be written: {error.strerror}.", where=str(folder)) from error
    return tuple(texts)


def project_texts(names: Names, dependencies: Sequence[str] = ()) -> dict[Path, str]:
    """The files of the project with their texts, in their order.

    Args:
        dependencies: the distributions that it needs besides kwb.
    """
    needed = ", ".join(f'"{name}"' for name in ("kwb", *dependencies))
    values = {"distribution": names.distribution, "package": names.package, "dependencies": f"[{needed}]"}
    found = {}
    for source in sorted(_PROJECT.rglob("*.in")):
        parts = source.relative_to(_PROJECT).with_suffix("").parts
        named = [_named(part, names) for part in parts]
        found[Path(*named)] = Template(source.read_text(encoding="utf-8")).substitute(values)
    return found


def _named(part: str, names: Names) -> str:
    """A part of a path. A real `.gitignore` in here would be obeyed by who builds kwb."""
    part = part.replace("dot-", ".", 1) if part.startswith("dot-") else part
    return part.replace("PACKAGE", names.package).replace("NAME", names.distribution)
