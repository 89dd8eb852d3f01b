"""What the pages promise: every command parses, every link leads somewhere, every module named exists."""

import ast
import re
import shlex
from itertools import groupby
from pathlib import Path

import pytest

from choreograft.cli import VERBS, parse

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src/choreograft"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def commands() -> list[str]:
    """Every complete `choreograft VERB ...` in a fenced block or between backticks."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        fenced = re.findall(r"^choreograft .+$", "\n".join(re.findall(r"```\n(.*?)```", text, re.S)), re.M)
        inline = re.findall(r"`(choreograft \w+ [^`]*-o [^`]*)`", text)
        found += [command for command in (*fenced, *inline) if command.split()[1] in VERBS]
    return sorted(set(found))


def test_there_are_commands_to_check():
    assert len(commands()) >= 5


@pytest.mark.parametrize("command", commands())
def test_every_command_on_the_pages_is_one(command):
    words = [word for word in shlex.split(command)[1:] if word != "..."]
    assert isinstance(parse(words), VERBS[words[0]][0])


def test_the_readme_names_every_verb():
    readme = PAGES[0].read_text(encoding="utf-8")
    for verb in VERBS:
        assert f"`choreograft {verb}" in readme


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_to_one(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert target.startswith("http") or (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_module_that_a_page_names_exists(page):
    for path in re.findall(r"`((?:\w+/)*\w+\.py)`", page.read_text(encoding="utf-8")):
        places = [ROOT / "src/choreograft" / path, ROOT / path, *(ROOT / "src/choreograft").rglob(Path(path).name)]
        assert any(place.exists() for place in places), path


ARCHITECTURE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
WALKS = dict(re.findall(r"^### (.+?)\n(.*?)(?=^##)", ARCHITECTURE, re.S | re.M))


def code_names(text: str) -> list[tuple[str, list[str]]]:
    """Every `room/module.name.of.it` between backticks, no file: the module's path, and the names."""
    found = re.findall(r"`([a-z_]+(?:/[a-z_]+)*)((?:\.\w+)+)`", text)
    named = [(module, names[1:].split(".")) for module, names in found if is_ours(module)]
    return [(module, chain) for module, chain in named if chain[0] not in ("py", "csv", "json", "png", "toml")]


def is_ours(module: str) -> bool:
    """Whether it is a module of a room, there or not, or one that stands in none."""
    room, _, rest = module.partition("/")
    return (PACKAGE / room).is_dir() if rest else (PACKAGE / f"{room}.py").exists()


def test_names_of_code_are_found_on_the_pages():
    assert len(code_names(ARCHITECTURE)) > 30


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_names_is_there(page):
    for module, chain in code_names(page.read_text(encoding="utf-8")):
        body = ast.parse((PACKAGE / f"{module}.py").read_text(encoding="utf-8")).body
        for name in chain:
            (found,) = (node for node in body if name in defined(node))
            body = getattr(found, "body", [])


def defined(node: ast.stmt) -> list[str]:
    """The names that a statement binds."""
    match node:
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
        case ast.Assign(targets=targets):
            return [target.id for target in targets if isinstance(target, ast.Name)]
    return []


@pytest.mark.parametrize("walk", WALKS)
def test_a_walk_goes_back_to_no_room_that_it_has_left(walk):
    rooms = [room for room, _ in groupby(module.split("/")[0] for module, _ in code_names(WALKS[walk]))]
    assert len(rooms) >= 2
    assert len(rooms) == len(set(rooms)), rooms
