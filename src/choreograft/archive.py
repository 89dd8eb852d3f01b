"""Archives (.npz) of named arrays and a JSON header that says which kind and version they are."""

import json
import lzma
import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tokenize import TokenError
from typing import Any, Final, TypeAlias
from zipfile import BadZipFile

import numpy as np
from numpy.typing import DTypeLike, NDArray

from choreograft.errors import FileFormatError, give_reason
from choreograft.files import atomic_path

HEADER: Final = "header"
DAMAGE: Final = (
    OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, EOFError, MemoryError, RuntimeError,
    SyntaxError, TokenError, BadZipFile, struct.error, zlib.error, lzma.LZMAError,
)  # fmt: skip
"""What reading a damaged archive raises: its lists, checksums, methods and array headers are parsed by as many."""
Archive: TypeAlias = Any
"""Name to array, as `numpy.load` gives it."""


def write_archive(
    path: Path, kind: str, version: int, facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
) -> None:
    """Write an archive, compressed and atomically.

    Raises:
        OutputError: the folder cannot be written.
    """
    header = json.dumps({"format": kind, "version": version, **facts})
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, allow_pickle=False, **{HEADER: np.frombuffer(header.encode(), np.uint8), **arrays})


@contextmanager
def open_archive(path: Path, kind: str, version: int, advice: str) -> Iterator[tuple[dict[str, Any], Archive]]:
    """The header's facts and the arrays; what is made of them within the context is refused as the archive is.

    Args:
        advice: what to do about a damaged one.
    Raises:
        FileFormatError: missing, of another kind or version, or damaged.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            facts: dict[str, Any] = json.loads(bytes(archive[HEADER]))
            if facts["format"] != kind or facts["version"] != version:
                raise ValueError(f"{facts['format']} version {facts['version']}")
            yield facts, archive
    except DAMAGE as error:
        raise FileFormatError(
            f"{path}: expected a {kind} file of version {version}, found {give_reason(error)}; {advice}"
        ) from error


def take_arrays(archive: Archive, kinds: Mapping[str, DTypeLike]) -> dict[str, NDArray[Any]]:
    """Some arrays of an archive, each as numbers of its kind.

    Raises:
        KeyError, ValueError, TypeError: missing, or no such numbers.
    """
    return {name: np.asarray(archive[name]).astype(kind, copy=False) for name, kind in kinds.items()}


def take_known(archive: Archive, kinds: Mapping[str, DTypeLike]) -> dict[str, NDArray[Any]]:
    """As `take_arrays`, without those that the archive lacks."""
    return take_arrays(archive, {name: kind for name, kind in kinds.items() if name in archive})


def no_shots() -> NDArray[np.int32]:
    """What stands for the shots of a track until its length is known."""
    return np.zeros(0, np.int32)


def check_shapes(holder: object, expected: Mapping[str, tuple[int, ...]]) -> None:
    """Refuse arrays, of those names in their holder, that have other shapes.

    Raises:
        ValueError: one does.
    """
    for name, shape in expected.items():
        found = getattr(holder, name).shape
        if found != shape:
            raise ValueError(f"{type(holder).__name__}.{name} has shape {found}; expected {shape}")


def check_times(time_s: NDArray[np.float64]) -> None:
    """Refuse what no frames can be shown at.

    Raises:
        ValueError: none, or they do not increase from 0 on.
    """
    if time_s.ndim != 1 or not len(time_s) or not np.isfinite(time_s).all() or not (np.diff(time_s) > 0).all():
        raise ValueError("times that do not increase")
