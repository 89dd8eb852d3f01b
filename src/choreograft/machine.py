"""The machine: in words, for without it a measured time means nothing, its libraries, its memory, whether it has CUDA.

And how many processes train together, what each takes of a step, and which of them this one is, by the environment that
torchrun sets, or the process that starts the others: known before they know each other, and without loading torch. One
started by neither is the main one.
"""

import ctypes
import os
import platform
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

from choreograft.config import DeviceChoice
from choreograft.errors import OptionError
from choreograft.presets import Preset
from choreograft.system import lacks_cuda

GIB = 2**30
LIBRARIES: Final = ("choreograft", "torch", "mediapipe", "av", "numpy", "opencv-contrib-python")
DEFAULT_DEVICES: Final = 1
DEFAULT_NODES: Final = 1
DEFAULT_BATCH: Final = 1
"""Pairs of frames a step, for each device."""
NO_CUDA: Final = "--device cuda: no CUDA device found; use --device cpu, or see choreograft doctor"


def describe_machine() -> dict[str, str]:
    """Processor, cores, memory and system; what cannot be found out is left out."""
    found = {"processor": _processor(), "cores": str(count_cores()), "system": platform.platform(terse=True)}
    if memory := _memory_bytes():
        found["memory"] = f"{memory / GIB:.0f} GiB"
    return {name: value for name, value in found.items() if value}


def list_versions() -> dict[str, str]:
    """Versions of Python and of the libraries that shape a result."""
    return {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}


def count_cores() -> int:
    """The cores this process may use, which on shared machines are fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check_device(name: DeviceChoice) -> None:
    """Refuse CUDA where that can be done without loading PyTorch.

    Raises:
        OptionError: it is asked for, and this machine is certain to have none.
    """
    if name == "cuda" and lacks_cuda():
        raise OptionError(NO_CUDA)


def return_memory() -> None:
    """Give what was freed back to the system.

    glibc keeps a heap for every thread and hands on what lies free in it only at its end: some hundred megabytes after
    each of the steps that work with large pictures in threads.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # other C libraries have none
        if trim is not None:
            trim(0)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def _memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return None


def local_rank() -> int:
    """This process among those of its machine, from 0."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def node_rank() -> int:
    """This machine among those of the training, from 0: torchrun calls it a group."""
    return int(os.environ.get("NODE_RANK", os.environ.get("GROUP_RANK", "0")))


def is_main() -> bool:
    """Whether this process speaks for all of them."""
    return local_rank() == node_rank() == 0


def read_torchrun() -> tuple[int, int] | None:
    """Processes on each machine, and machines, as torchrun has started them; None where it has not."""
    if "LOCAL_WORLD_SIZE" not in os.environ:
        return None
    devices = int(os.environ["LOCAL_WORLD_SIZE"])
    return devices, int(os.environ["WORLD_SIZE"]) // devices


RENDEZVOUS: Final = ("MASTER_ADDR", "MASTER_PORT", "NODE_RANK")
"""What machines need to find each other where torchrun does not tell them."""


@dataclass(frozen=True)
class Processes:
    """How many processes train together."""

    devices: int
    """Of each machine, a process for each."""
    nodes: int
    """Machines."""

    @property
    def count(self) -> int:
        """On all machines."""
        return self.devices * self.nodes

    @staticmethod
    def choose(devices: int | None, nodes: int | None) -> "Processes":
        """As the options ask for, or as torchrun has started them.

        Raises:
            OptionError: numbers that cannot be, that are not torchrun's, or of machines that cannot find each other.
        """
        started = read_torchrun()
        for name, asked, found in zip(
            ("--devices", "--num-nodes"), (devices, nodes), started or (None, None), strict=True
        ):
            if asked is not None and asked < 1:
                raise OptionError(f"{name} is {asked}; expected a number above zero")
            if asked is not None and found is not None and asked != found:
                raise OptionError(f"{name} is {asked}, and torchrun has started {found}; leave {name} out")
        chosen = Processes(*started or (devices or DEFAULT_DEVICES, nodes or DEFAULT_NODES))
        missing = [name for name in RENDEZVOUS if name not in os.environ]
        if chosen.nodes > 1 and started is None and missing:
            raise OptionError(
                f"--num-nodes is {chosen.nodes}, and the environment has no {', '.join(missing)}; start the command"
                " with torchrun on each machine (docs/training.md)"
            )
        return chosen


def choose_batch(batch: int | None, processes: Processes, preset: Preset) -> int:
    """Pairs of frames a step, over all processes.

    Raises:
        OptionError: not equally many for each process, or several for a preset that does not train.
    """
    if not preset.trains and (batch is not None or processes.count > 1):
        raise OptionError(f"preset {preset.name} is not trained; leave out --devices, --num-nodes and --batch")
    if batch is None:
        return DEFAULT_BATCH * processes.count
    if batch < 1 or batch % processes.count:
        raise OptionError(f"--batch is {batch}; expected a multiple of {processes.count}, the devices that share it")
    return batch
