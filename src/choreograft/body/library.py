"""The body model's library, imported late: its import takes seconds that a command without a body need not pay."""

import importlib
import logging
from types import ModuleType
from typing import Any

from choreograft.errors import DependencyError


def import_anny() -> ModuleType:
    """The body model's library.

    Raises:
        DependencyError: it is not installed.
    """
    try:
        settings: Any = importlib.import_module("warp.config")
        settings.quiet = True  # it greets on standard output otherwise
        anny = importlib.import_module("anny")
    except ImportError as error:
        raise DependencyError(f"cannot import {error.name or 'anny'}; install it with: pip install anny") from error
    logging.getLogger("anny").setLevel(logging.WARNING)
    return anny
