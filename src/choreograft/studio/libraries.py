"""The optional libraries behind the studio, imported late and missed with a sentence that says what to install."""

import ctypes
import importlib
import os
import warnings
from types import ModuleType

from choreograft.errors import DependencyError
from choreograft.system import SYSTEM_LIBRARIES, install_command

EXTRA_HINT = "the studio needs the optional extra: pip install 'choreograft[studio]'"


def import_pyvista() -> ModuleType:
    """The renderer's library, set up to draw off screen.

    Raises:
        DependencyError: it is not installed, or the system lacks the libraries it draws with.
    """
    find_offscreen_library()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pyvista = importlib.import_module("pyvista")
    except ImportError as error:
        if error.name and error.name.split(".")[0] in ("pyvista", "vtk", "vtkmodules"):
            raise DependencyError(f"cannot import {error.name}; {EXTRA_HINT}") from error
        raise DependencyError(f"cannot load the renderer: {error}; {_apt_hint()}") from error
    return pyvista


def find_offscreen_library() -> str:
    """Name the system library that can draw without a screen, and have VTK use it without asking for a display first.

    Raises:
        DependencyError: the system has none.
    """
    windows = {"libEGL.so.1": "vtkEGLRenderWindow", "libOSMesa.so.8": "vtkOSOpenGLRenderWindow"}
    for library, window in windows.items():
        try:
            ctypes.CDLL(library)
        except OSError:
            continue
        os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", window)
        return library
    raise DependencyError(f"found neither libEGL.so.1 nor libOSMesa.so.8 to draw without a screen; {_apt_hint()}")


def _apt_hint() -> str:
    drawing = [library.package for library in SYSTEM_LIBRARIES if library.name == "libEGL.so.1"]
    return f"on Debian or Ubuntu: {install_command(drawing)}"
