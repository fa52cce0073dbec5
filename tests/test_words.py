"""The words of the code: one name for one class, none of the words that were given up, and a map that is true."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[1]
PRODUCT = ("workbench", "plugins")
MAP = ROOT / "workbench" / "README.md"

GIVEN_UP = re.compile(r"\b(fault|told|nursery|outlet|upkeep|situation|anew)s?\b", re.IGNORECASE)
TEXTS = (".py", ".md", ".in", ".yaml", ".json", ".tcss", ".toml", "")


def class_names(tree: ast.AST, within: str = "") -> Iterator[str]:
    """The classes of a module; one inside another with both names, as it is written: `Form.Changed`."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef):
            name = f"{within}{node.name}"
            yield name
            yield from class_names(node, f"{name}.")
        else:
            yield from class_names(node, within)


def files(*endings: str) -> list[Path]:
    return sorted(
        path
        for folder in PRODUCT
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.suffix in endings and "__pycache__" not in path.parts
    )


def test_no_two_classes_share_a_name() -> None:
    found: dict[str, list[str]] = {}
    for path in files(".py"):
        for name in class_names(ast.parse(path.read_text(encoding="utf-8"))):
            found.setdefault(name, []).append(str(path.relative_to(ROOT)))
    assert len(found) > 200
    assert {name: where for name, where in found.items() if len(where) > 1} == {}


def test_a_class_inside_another_or_a_function_is_seen() -> None:
    code = "class A:\n    class B: ...\ndef f():\n    class C: ...\nif True:\n    class D: ...\n"
    assert list(class_names(ast.parse(code))) == ["A", "A.B", "C", "D"]


def test_the_words_that_were_given_up_are_gone() -> None:
    # The glossary lists what stays because files or events have it; of these words it has none.
    found = []
    for path in [ROOT / "README.md", *files(*TEXTS)]:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if GIVEN_UP.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}")
    assert found == []


def test_the_format_of_a_checkpoint_is_the_one_place_of_its_old_word() -> None:
    lines = [
        (path.relative_to(ROOT), line)
        for path in files(".py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if re.search(r"\bgenerations?\b", line, re.IGNORECASE)
    ]
    assert len(lines) == 1, lines
    assert "events.Checkpoint(" in lines[0][1]
    assert '"generation"' in MAP.read_text(encoding="utf-8")


def paths_of_the_map() -> list[str]:
    text = MAP.read_text(encoding="utf-8")
    found = {*re.findall(r"`([\w./-]+\.py)`", text), *re.findall(r"`([\w.-]+/[\w./-]*)`", text)}
    return sorted(found - {"saved/runs/", "workbench/"})


@pytest.mark.parametrize("page", ["workbench/README.md", ".github/CONTRIBUTING.md", "README.md"])
def test_links_lead_to_files(page: str) -> None:
    path = ROOT / page
    links = re.findall(r"\]\(([^)#]+)", path.read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if "://" not in link and not (path.parent / link).exists()] == []


def test_every_path_of_the_map_is_there() -> None:
    paths = paths_of_the_map()
    assert len(paths) > 80
    missing = []
    for path in paths:
        base = ROOT if path.startswith(("plugins/", "tests/", ".ci/")) else MAP.parent
        if not (base / path).exists():
            missing.append(path)
    assert missing == [], "workbench/README.md names what is not there"


def test_every_package_is_on_the_map() -> None:
    text = MAP.read_text(encoding="utf-8")
    top = [path for path in MAP.parent.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()]
    names = [f"`{path.name}`" for path in top if path.name != "__init__.py"]
    assert len(names) > 15
    assert [name for name in names if name not in text] == []


def test_the_forms_of_issues_are_forms() -> None:
    forms = {
        path.name: YAML(typ="safe").load(path) for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml")
    }
    assert len(forms) == 4
    del forms["config.yml"]
    for form in forms.values():
        assert form["name"]
        assert form["description"]
        questions = [part for part in form["body"] if part["type"] != "markdown"]
        assert all(part["attributes"]["label"] for part in questions)
        assert len({part["id"] for part in questions}) == len(questions)


def test_hooks_before_a_commit_download_nothing() -> None:
    hooks = YAML(typ="safe").load(ROOT / ".pre-commit-config.yaml")["repos"]
    assert [repo["repo"] for repo in hooks] == ["local"]
    assert {hook["language"] for hook in hooks[0]["hooks"]} == {"system"}
