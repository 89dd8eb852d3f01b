"""The list of system libraries, and the file that the installer runs before anything is installed."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from choreograft import system


def test_each_missing_library_is_named_once_and_the_rest_are_not():
    asked = []

    def load(name: str) -> None:
        asked.append(name)
        if "GL" in name:
            raise OSError(name)

    missing = [library.name for library in system.find_missing_libraries(load)]
    assert missing == [name for name in asked if "GL" in name]
    assert set(asked) == {library.name for library in system.SYSTEM_LIBRARIES}


def test_systems_other_than_linux_miss_nothing(monkeypatch):
    def load(name: str) -> None:
        raise OSError(name)

    monkeypatch.setattr(system.sys, "platform", "darwin")
    assert system.find_missing_libraries(load) == []


def test_the_command_installs_every_package_and_nothing_merely_recommended():
    command = system.install_command(["libgl1", "libegl1"])
    assert command == "sudo apt-get install --no-install-recommends libgl1 libegl1"


@pytest.mark.parametrize(
    ("version", "driver", "lacks"),
    [
        ("cuda = None\nhip = None", True, True),
        ("cuda = '12.8'\nhip = None", True, False),
        ("cuda = '12.8'\nhip = None", False, True),
        ("cuda = None\nhip = '6.4'", False, False),
        ("__version__ = '1.0'", True, False),
    ],
)
def test_what_pytorch_was_built_for_says_that_there_is_no_cuda(tmp_path, monkeypatch, version, driver, lacks):
    def load(name: str) -> None:
        if not driver:
            raise OSError(name)

    (tmp_path / "version.py").write_text(version)
    origin = SimpleNamespace(origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(system.importlib.util, "find_spec", lambda name: origin)
    monkeypatch.setattr(system.sys, "platform", "linux")
    assert system.lacks_cuda(load) == lacks


def test_where_cuda_is_lacking_pytorch_finds_none():
    assert not (system.lacks_cuda() and torch.cuda.is_available())


def test_the_file_runs_by_itself_without_the_package():
    done = subprocess.run([sys.executable, "-I", "-S", system.__file__], capture_output=True, text=True, check=True)
    # the tests' machine is set up, so nothing is missing
    assert done.stdout == ""


def test_the_file_names_the_package_of_a_python_without_ensurepip(monkeypatch):
    monkeypatch.setattr(system.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(system, "find_missing_libraries", lambda: [system.SYSTEM_LIBRARIES[0]])
    major, minor = sys.version_info[:2]
    assert system._packages_before_installing() == [f"python{major}.{minor}-venv", "libgl1"]


def test_the_installer_runs_this_very_file():
    root = Path(__file__).parents[1]
    assert Path(system.__file__) == root / "src/choreograft/system.py"
    assert "src/choreograft/system.py" in (root / "scripts/install.sh").read_text()


def test_the_loaders_complaint_becomes_advice():
    complaint = ImportError("libGL.so.1: cannot open shared object file: No such file or directory")
    advice = system.explain_missing_library(complaint)
    assert advice is not None
    assert "libGL.so.1" in advice
    assert advice.endswith("libgl1")
    assert system.explain_missing_library(ImportError("No module named 'x'")) is None
