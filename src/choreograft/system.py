"""System libraries that no Python package brings along, the Debian packages that hold them, and how to silence them.

Standard library only and nothing of Choreograft: `scripts/install.sh` runs this file with the system's Python while
there is no environment yet. It prints the packages to install, one a line.
"""

import ctypes
import importlib.util
import os
import re
import runpy
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import RLock
from typing import Final


@dataclass(frozen=True)
class SystemLibrary:
    """A shared library that has to come from the system."""

    name: str
    """What the dynamic loader calls it."""
    package: str
    """The Debian or Ubuntu package that holds it."""
    needed_by: str


SYSTEM_LIBRARIES: Final = (
    SystemLibrary("libGL.so.1", "libgl1", "OpenCV"),
    SystemLibrary("libxcb.so.1", "libxcb1", "OpenCV"),
    SystemLibrary("libglib-2.0.so.0", "libglib2.0-0", "OpenCV"),
    SystemLibrary("libEGL.so.1", "libegl1", "pose tracking and the demo's renderer"),
    SystemLibrary("libGLESv2.so.2", "libgles2", "pose tracking"),
)
"""Found on a bare Debian 12: everything that OpenCV, MediaPipe and VTK link to and their wheels leave out."""
CUDA_DRIVER: Final = "libcuda.so.1"
"""What PyTorch asks for cards."""


def find_missing_libraries(load: Callable[[str], object] = ctypes.CDLL) -> list[SystemLibrary]:
    """The system libraries that this machine lacks; none on systems other than Linux, where the wheels are complete.

    Args:
        load: opens a library by name, and raises OSError where it cannot.
    """
    return [library for library in SYSTEM_LIBRARIES if _is_missing(library.name, load)]


def _is_missing(name: str, load: Callable[[str], object]) -> bool:
    """Whether this is a Linux and its dynamic loader does not find a library."""
    if sys.platform != "linux":
        return False
    try:
        load(name)
    except OSError:
        return True
    return False


def lacks_cuda(load: Callable[[str], object] = ctypes.CDLL) -> bool:
    """Whether PyTorch is certain to find no CUDA device: built for none, or on a Linux without NVIDIA's driver.

    Told without importing it, which takes seconds. False says nothing: then only PyTorch knows.

    Args:
        load: opens a library by name, and raises OSError where it cannot.
    """
    torch = importlib.util.find_spec("torch")
    version = None if torch is None or torch.origin is None else Path(torch.origin).with_name("version.py")
    if version is None or not version.is_file():
        return False
    built = runpy.run_path(str(version))
    if built.get("hip"):  # AMD's cards go by the name of CUDA
        return False
    return ("cuda" in built and built["cuda"] is None) or _is_missing(CUDA_DRIVER, load)


def install_command(packages: Sequence[str]) -> str:
    """The command that installs Debian packages."""
    return f"sudo apt-get install --no-install-recommends {' '.join(packages)}"


def explain_missing_library(error: Exception) -> str | None:
    """The dynamic loader's complaint about a system library as a sentence with advice; None for any other error."""
    library = re.search(r"(lib[\w.+-]+\.so[.\d]*): cannot open shared object", str(error))
    if library is None:
        return None
    packages = [known.package for known in SYSTEM_LIBRARIES if known.name == library[1]]
    packages = packages or sorted(known.package for known in SYSTEM_LIBRARIES)
    return f"found no {library[1]}, a library that the system has to bring; run: {install_command(packages)}"


def _packages_before_installing() -> list[str]:
    """What has to be there before a virtual environment can be made and used."""
    # Debian splits this module off, and without it `python3 -m venv` makes environments without pip
    venv = [] if importlib.util.find_spec("ensurepip") else [f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"]
    return [*venv, *(library.package for library in find_missing_libraries())]


_TURN = RLock()
"""There is one standard error for all threads."""


@contextmanager
def quiet_stderr(unwanted: Callable[[bytes], object]) -> Iterator[None]:
    """Keep some lines off standard error for a while; all else that is written meanwhile gets through at the end.

    Native code writes there past Python, and past every setting of its own.

    Args:
        unwanted: whether a line is to be dropped.
    """
    with _TURN, tempfile.TemporaryFile() as caught:
        sys.stderr.flush()
        kept = os.dup(2)
        os.dup2(caught.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            caught.seek(0)
            os.write(kept, b"".join(line for line in caught if not unwanted(line)))
            os.close(kept)


if __name__ == "__main__":
    sys.stdout.writelines(f"{package}\n" for package in _packages_before_installing())
