"""What the installed package says of itself: one version, what it needs, and what travels with it."""

import ast
import re
import subprocess
import sys
import tomllib
from fractions import Fraction
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import choreograft
from choreograft import pipeline
from choreograft.options import DanceOptions, DemoOptions
from choreograft.video.read import probe
from choreograft.video.size import Size

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "src/choreograft").rglob("*.py"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OPTIONAL = {"pyvista": "studio", "vtkmodules": "studio", "lpips": "evaluate"}
"""Modules that an extra brings: those of VTK come with pyvista."""


def names_of(requirements: list[str]) -> set[str]:
    return {Requirement(requirement).name for requirement in requirements}


def imported_modules() -> set[str]:
    """The first name of everything that the package imports, or asks `import_module` for."""
    found = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add(node.module or "")
            elif isinstance(node, ast.Call) and ast.unparse(node.func) == "importlib.import_module":
                found |= {word.value for word in node.args if isinstance(word, ast.Constant)}
    return {name.split(".")[0] for name in found} - set(sys.stdlib_module_names) - {"choreograft"}


def test_what_is_imported_is_declared_and_what_is_declared_is_imported():
    brought_by = metadata.packages_distributions()
    needed = {brought_by[name][0].lower() for name in imported_modules() - set(OPTIONAL)}
    assert needed == names_of(PROJECT["dependencies"])


def test_what_an_extra_brings_is_imported():
    imported = imported_modules()
    assert set(OPTIONAL) <= imported
    for extra in ("studio", "evaluate"):
        assert names_of(PROJECT["optional-dependencies"][extra]) <= {n for n, e in OPTIONAL.items() if e == extra}


def test_the_tests_own_releases_are_those_that_are_declared():
    pins = [Requirement(line) for line in (ROOT / "constraints.txt").read_text().splitlines() if re.match(r"\w", line)]
    pinned = {pin.name: next(iter(pin.specifier)).version for pin in pins}
    declared = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["studio"]]
    for requirement in map(Requirement, declared):
        assert requirement.specifier.contains(pinned[requirement.name]), requirement.name
        assert any(clause.operator == ">=" for clause in requirement.specifier), requirement.name


def test_the_version_is_stated_once_and_the_citation_and_the_changelog_agree():
    version = choreograft.__version__
    assert "version" in PROJECT["dynamic"]
    assert "version" not in PROJECT
    assert re.search(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text(), re.M)[1] == version
    assert re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.M)[1] == version


def test_importing_the_package_sets_no_variable_and_running_it_does():
    look = "import os; before = dict(os.environ); {}; print(sorted(set(os.environ.items()) - set(before.items())))"
    imported = "import choreograft, choreograft.__main__, choreograft.cli, choreograft.request, choreograft.doctor"
    run = "import choreograft.__main__ as program; program._calm_threads()"
    bare = {"PATH": "", "PYTHONPATH": str(ROOT / "src")}
    said = [
        subprocess.run([sys.executable, "-c", look.format(what)], env=bare, capture_output=True, text=True, check=True)
        for what in (imported, run)
    ]
    ours = [("OMP_WAIT_POLICY", "PASSIVE"), ("OPENBLAS_NUM_THREADS", "1")]
    assert not set(ours) & set(ast.literal_eval(said[0].stdout))
    assert ast.literal_eval(said[1].stdout) == ours


@pytest.mark.parametrize(
    ("name", "size", "rate", "sound"),
    [
        (pipeline.TARGET, Size(360, 480), Fraction(24), False),
        (pipeline.SOURCE, Size(800, 450), Fraction(30000, 1001), True),
    ],
)
def test_the_demos_clips_are_small_and_what_they_are_said_to_be(name, size, rate, sound):
    info = probe(pipeline.CLIPS / name)
    assert (info.size, info.rate, info.has_sound) == (size, rate, sound)
    assert info.path.stat().st_size < 300_000


def test_the_demo_needs_no_studio(tmp_path, monkeypatch):
    asked: list[DanceOptions] = []

    class Done:
        video = side_by_side = tmp_path / "dance.mp4"

    def dance(options, progress):
        asked.append(options)
        return Done()

    monkeypatch.setattr(pipeline, "dance", dance)
    assert pipeline.demo(DemoOptions(tmp_path / "dance.mp4", minutes=1)) == tmp_path / "dance.mp4"
    for given, name in ((asked[0].source, pipeline.SOURCE), (asked[0].target, pipeline.TARGET)):
        assert given.parent == tmp_path / "clips"
        assert given.read_bytes() == (pipeline.CLIPS / name).read_bytes()


def test_the_package_brings_all_of_its_files():
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    package = ROOT / "src/choreograft"
    travelling = {path for pattern in patterns["package-data"]["choreograft"] for path in package.glob(pattern)}
    others = {p for p in package.rglob("*") if p.is_file() and p.suffix not in (".py", ".pyc")}
    assert travelling == others
