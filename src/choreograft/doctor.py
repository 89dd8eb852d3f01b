"""What this machine has, what it lacks, and how to get it: `choreograft doctor`.

Each check is plain data, made without loading what it checks where that could crash. A check fails only where the main
job cannot run; what merely makes it slower, or is fetched when first needed, is a warning.
"""

import ctypes
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final, Literal

from packaging.requirements import Requirement
from rich.console import Console
from rich.text import Text

from choreograft import __version__
from choreograft.assets import ASSETS, VGG19, Asset, cached, fetch
from choreograft.errors import AssetError
from choreograft.options import DoctorOptions
from choreograft.progress import Progress, silent
from choreograft.system import SYSTEM_LIBRARIES, find_missing_libraries, install_command

State = Literal["ok", "warn", "fail"]
STYLES: Final[dict[State, str]] = {"ok": "green", "warn": "yellow", "fail": "bold red"}

GIGABYTE: Final = 10**9
LITTLE_SPACE_BYTES: Final = 5 * GIGABYTE
"""A few runs of the larger presets."""
NO_SPACE_BYTES: Final = GIGABYTE // 2
"""Less than one run takes: two checkpoints, previews, tracks and the video."""


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    name: str
    state: State
    found: str
    advice: str = ""
    """What to do about it; empty where there is nothing to do."""


def examine(options: DoctorOptions, progress: Progress = silent) -> list[Check]:
    """Look at everything the main job depends on, in the order in which it is to be mended."""
    return [
        Check("choreograft", "ok", f"{__version__}, Python {sys.version.split()[0]}"),
        *check_packages(),
        check_system_libraries(),
        check_encoder(),
        *check_compute(),
        *(check_model(asset, options.fetch and asset is not VGG19, progress) for asset in ASSETS),
        check_space(options.runs),
    ]


def print_checks(checks: Sequence[Check], console: Console | None = None) -> int:
    """Print one line per check and the exit code's reason; return the exit code: 1 if the main job cannot run."""
    console = console or Console(highlight=False, soft_wrap=True)
    width = max((len(check.name) for check in checks), default=0)
    for check in checks:
        line = Text.assemble((f"{check.state:4}", STYLES[check.state]), f"  {check.name:{width}}  {check.found}")
        console.print(line, soft_wrap=True)
        if check.advice:
            # a line of its own, never wrapped: most advice is a command to copy
            console.print(Text(f"{'':6}{'':{width}}  {check.advice}"), soft_wrap=True)
    failed = [check.name for check in checks if check.state == "fail"]
    verdict = (
        f"Choreograft cannot work yet: see {', '.join(failed)}" if failed else "Choreograft can work on this machine"
    )
    console.print(Text(verdict), soft_wrap=True)
    return 1 if failed else 0


def check_packages(version: Callable[[str], str] = metadata.version) -> Iterator[Check]:
    """The Python packages that Choreograft declares, and whether their versions are those that it expects.

    Args:
        version: tells the version of a package by its name, and raises PackageNotFoundError.
    """
    for requirement in map(Requirement, metadata.requires("choreograft") or []):
        marker = requirement.marker
        if marker is None or marker.evaluate({"extra": "studio"}):
            yield _check_package(requirement, version, optional=not (marker is None or marker.evaluate({"extra": ""})))


def _check_package(requirement: Requirement, version: Callable[[str], str], optional: bool) -> Check:
    name = requirement.name
    try:
        found = version(name)
    except metadata.PackageNotFoundError:
        if optional:
            return Check(name, "warn", "not installed; only the studio needs it", "pip install 'choreograft[studio]'")
        return Check(name, "fail", "not installed", f"pip install {name}")
    if requirement.specifier.contains(found, prereleases=True):
        return Check(name, "ok", found)
    expected = f"{name}{requirement.specifier}"
    return Check(name, "warn", f"{found}; expected {expected}", f"pip install '{expected}'")


def check_system_libraries(load: Callable[[str], object] = ctypes.CDLL) -> Check:
    """Whether the dynamic loader finds every shared library that the packages leave to the system."""
    missing = find_missing_libraries(load)
    if not missing:
        return Check("system libraries", "ok", ", ".join(library.name for library in SYSTEM_LIBRARIES))
    found = "missing " + ", ".join(f"{library.name} ({library.needed_by})" for library in missing)
    packages = [library.package for library in missing]
    return Check("system libraries", "fail", found, f"on Debian or Ubuntu: {install_command(packages)}")


def check_encoder() -> Check:
    """Whether PyAV, which brings its own FFmpeg, can write H.264."""
    try:
        import av
    except ImportError as error:
        return Check("video encoder", "fail", f"PyAV cannot be loaded: {error}", "pip install --force-reinstall av")
    if "libx264" not in av.codecs_available:
        advice = "pip install --force-reinstall --only-binary=av av"
        return Check("video encoder", "fail", f"PyAV {av.__version__} was built without libx264", advice)
    return Check("video encoder", "ok", "H.264 (libx264), brought by PyAV")


def check_compute() -> Iterator[Check]:
    """Processor, graphics cards, and which of them a training would take in which precision."""
    try:
        import torch
    except (ImportError, OSError) as error:
        yield Check("devices", "fail", f"PyTorch cannot be loaded: {error}", "pip install --force-reinstall torch")
        return
    from choreograft.performer.device import choose_compute, cpu_has_bf16

    bf16 = "bf16 in hardware" if cpu_has_bf16() else "no bf16 in hardware, so float32"
    yield Check("processor", "ok", f"{os.cpu_count()} cores, {torch.get_num_threads()} threads in use, {bf16}")
    cards = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
    names = [f"{card.name}, {card.total_memory / GIGABYTE:.0f} GB" for card in cards]
    yield check_cards(names, torch.__version__, driver_found=shutil.which("nvidia-smi") is not None)
    yield Check("training runs on", "ok", str(choose_compute()))


def check_cards(names: Sequence[str], torch_version: str, driver_found: bool) -> Check:
    """The graphics cards that PyTorch can use; a driver without a card means a PyTorch that does not match it."""
    if names:
        return Check("graphics cards", "ok", "; ".join(names))
    if driver_found:
        found = f"an NVIDIA driver, but PyTorch {torch_version} sees no card"
        return Check("graphics cards", "warn", found, "install a build for your CUDA version: https://pytorch.org")
    return Check("graphics cards", "ok", "none")


def check_model(asset: Asset, may_fetch: bool, progress: Progress = silent) -> Check:
    """Whether a model file lies in the cache with the right checksum; fetches it first if it may.

    The VGG-19 weights are half a gigabyte and serve the paper preset alone, so their absence is no warning.
    """
    if may_fetch:
        try:
            fetch(asset, progress)
        except AssetError as error:
            return Check(asset.name, "fail", "missing and not to be had", str(error))
    if path := cached(asset):
        return Check(asset.name, "ok", str(path))
    if asset is VGG19:
        return Check(asset.name, "ok", "not fetched; only the paper preset needs it")
    return Check(asset.name, "warn", "missing; fetched on first use", "to fetch it now: choreograft doctor --fetch")


def check_space(runs: Path) -> Check:
    """Free space where run folders go, or would go."""
    place = next(folder for folder in (runs.absolute(), *runs.absolute().parents) if folder.is_dir())
    if not os.access(place, os.W_OK | os.X_OK):
        return Check("free space", "fail", f"{place} cannot be written", "choose another folder with --runs")
    free = shutil.disk_usage(place).free
    found = f"{free / GIGABYTE:.1f} GB in {place}"
    if free >= LITTLE_SPACE_BYTES:
        return Check("free space", "ok", found)
    state: State = "warn" if free >= NO_SPACE_BYTES else "fail"
    return Check("free space", state, found, "free some, or choose another folder with --runs")
