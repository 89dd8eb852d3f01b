"""Files that are either whole or not there, what names them by their content, and archives of arrays.

They are written under a temporary name beside the target, then renamed. Archives (.npz) hold named arrays and a JSON
header that says which kind and version they are.
"""

import errno
import hashlib
import json
import lzma
import os
import shutil
import struct
import tempfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tokenize import TokenError
from typing import Any, Final, TypeAlias
from zipfile import BadZipFile

import numpy as np
from numpy.typing import DTypeLike, NDArray

from choreograft.errors import FileFormatError, OutputError, give_reason

PARTIAL: Final = ".partial-"
"""How the names of half-written files begin."""
LONGEST_NAME: Final = 255
"""Bytes of a file's name that file systems take."""
PICTURE_SUFFIXES: Final = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
"""Of the pictures that a folder is searched for, in lower case."""


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path in the folder of `path`; rename it to `path` on success, remove it on any failure.

    The temporary name keeps the suffix of `path`, which video and array writers look at. A link stays, and what it
    points to is written.

    Raises:
        OutputError: the folder cannot be made or written.
    """
    check_writable(path)
    place = _follow(path)
    handle, name = tempfile.mkstemp(prefix=PARTIAL, suffix=path.suffix, dir=place.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes private files; results get the permissions that any other new file would have
        temporary.chmod(0o666 & ~_umask())
        temporary.replace(place)
    finally:
        temporary.unlink(missing_ok=True)


def remove_partial(folder: Path) -> None:
    """Remove what a killed process left half-written in a folder; only for folders that no other process writes."""
    for path in folder.glob(f"{PARTIAL}*"):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def check_writable(path: Path) -> None:
    """Make the folder of `path`, or say in one line why `path` cannot be written there."""
    check_place(path)
    with _telling_of(path):
        _follow(path).parent.mkdir(parents=True, exist_ok=True)


def check_place(path: Path) -> None:
    """Say in one line why `path` cannot be written; leaves no trace.

    The very names are tried, those of missing folders too, in a folder of their own: what another process may put at
    `path` meanwhile is not touched.

    Raises:
        OutputError: it cannot, or is a folder.
    """
    with _telling_of(path):
        place = _follow(path)
        if place.is_dir():
            raise OutputError(f"{path} is a folder; expected the name of a file to write")
        present = next((folder for folder in place.parents if os.path.lexists(folder)), place.parent)
        with tempfile.TemporaryDirectory(prefix=PARTIAL, suffix=path.suffix, dir=present) as room:
            trial = Path(room) / place.relative_to(present)
            trial.parent.mkdir(parents=True, exist_ok=True)
            trial.touch()


def fit_name(stem: str, ending: str) -> str:
    """The name of a file of ours, `stem` + `ending`.

    A stem too long for that is cut, and bytes that are no text are left out; a hash of the whole then tells it apart.
    """
    text = os.fsencode(stem).decode(errors="ignore")
    if text == stem and len((stem + ending).encode()) <= LONGEST_NAME:
        return stem + ending
    ending = f"-{text_hash(stem)}{ending}"
    return text.encode()[: LONGEST_NAME - len(ending.encode())].decode(errors="ignore") + ending


def write_json(path: Path, content: Any) -> None:
    """Write `content` as indented JSON, atomically."""
    with atomic_path(path) as temporary:
        text = json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n"
        # bytes of a name that are not UTF-8 become escapes, which JSON has too
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def list_pictures(folder: Path) -> list[Path]:
    """The pictures that lie in a folder itself, in the order of their names; hidden files are none.

    Raises:
        OSError: the folder cannot be read.
    """
    paths = (path for path in folder.iterdir() if path.suffix.lower() in PICTURE_SUFFIXES)
    return sorted(path for path in paths if not path.name.startswith(".") and path.is_file())


def content_hash(path: Path, digits: int = 64) -> str:
    """The first `digits` hexadecimal digits of the SHA-256 of a file's bytes, or of a folder's pictures.

    Of a folder it covers their names and contents, in the order of the names.
    """
    if path.is_dir():
        return hash_files(list_pictures(path))[:digits]
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()[:digits]


def hash_files(paths: Sequence[Path]) -> str:
    """The SHA-256 of the names and contents of files of one folder, in that order."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(os.fsencode(path.name) + b"\0" + content_hash(path).encode())
    return digest.hexdigest()


def text_hash(content: Any, digits: int = 8) -> str:
    """A short name for a set of options: the first digits of the SHA-256 of its sorted JSON."""
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:digits]


def _follow(path: Path) -> Path:
    """Where a file lies that a link may point to."""
    return Path(os.path.realpath(path)) if path.is_symlink() else path


@contextmanager
def _telling_of(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        advice = "a shorter name" if error.errno == errno.ENAMETOOLONG else "a folder that you may write to"
        raise OutputError(f"cannot write {path}: {error.strerror or error}; choose {advice}") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


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


def take_frames(
    archive: Archive, kinds: Mapping[str, DTypeLike], later: Mapping[str, DTypeLike]
) -> dict[str, NDArray[Any]]:
    """The arrays of a track's frames, their times among them, and of the `later` ones those that it has.

    Raises:
        As `take_arrays` and `check_times`.
    """
    known = {name: kind for name, kind in later.items() if name in archive}
    arrays = take_arrays(archive, {**kinds, **known})
    check_times(arrays["time_s"])
    return arrays


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
