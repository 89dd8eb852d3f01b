"""Which device computes, in which precision and with how many threads."""

import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar, get_args

import cv2
import torch
from torch import Tensor, nn

from choreograft.config import DEFAULT_DEVICE, DEFAULT_PRECISION, DeviceChoice, Precision, PrecisionChoice
from choreograft.errors import OptionError
from choreograft.machine import NO_CUDA
from choreograft.progress import Progress, silent
from choreograft.progress import run_ahead as make_ahead

T = TypeVar("T")
TURN_S: Final = 0.0005
"""Between turns of threads that share Python, s."""
AHEAD: Final = 2
"""Frames that each thread of a drawing may be before the next one: some take longer than others."""
DEVICES: Final = get_args(DeviceChoice)


@dataclass(frozen=True)
class Compute:
    """A device and the precision in which it computes."""

    device: torch.device
    bf16: bool
    stated: bool = True
    """Whether the precision was asked for; else it is the machine's, and a training that was begun keeps its own."""

    @property
    def precision(self) -> Precision:
        """Its name."""
        return "bf16" if self.bf16 else "float32"

    def autocast(self) -> torch.autocast:
        """A context in which networks run in the chosen precision."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16)

    def run(self, network: nn.Module, *pictures: Tensor) -> Any:
        """What a network makes of pictures in the chosen precision, which they are given in, too."""
        with self.autocast():
            return network(*(picture.bfloat16() if self.bf16 else picture for picture in pictures))

    def __str__(self) -> str:
        where = torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else "CPU"
        return f"{where}, {self.precision}"


def choose_compute(
    name: DeviceChoice = DEFAULT_DEVICE, precision: PrecisionChoice = DEFAULT_PRECISION, progress: Progress = silent
) -> Compute:
    """The fastest device there is and its fastest precision, or those asked for.

    Without bf16 instructions bf16 is emulated and slower than float32, so the instruction set decides where nobody
    does.

    Args:
        name: of the device.
        progress: is told where bf16 is asked for and has to be emulated.
    Raises:
        OptionError: an unknown name, or CUDA where there is none.
    """
    if name not in DEVICES:
        raise OptionError(f"unknown device {name!r}; expected auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise OptionError(NO_CUDA)
    if name != "cpu" and torch.cuda.is_available():
        device, has_bf16 = torch.device("cuda", 0), torch.cuda.is_bf16_supported()
    else:
        device, has_bf16 = torch.device("cpu"), cpu_has_bf16()
    if precision == "auto":
        return Compute(device, has_bf16, stated=False)
    if precision == "bf16" and not has_bf16:
        progress.say("--precision bf16: this device has no instructions for it, so it is emulated, slower than float32")
    return Compute(device, precision == "bf16")


def cpu_has_bf16() -> bool:
    """Whether this CPU multiplies bf16 in hardware (AVX-512 BF16 or AMX)."""
    capabilities = torch.backends.cpu.get_cpu_capability()
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return "AVX512" in capabilities and any(getattr(torch.cpu, check, bool)() for check in checks)


def use_one_thread() -> None:
    """Have PyTorch work with one thread in the thread that calls this; see `one_thread`."""
    torch.set_num_threads(1)


@contextmanager
def one_thread() -> Iterator[None]:
    """Have PyTorch and OpenCV work with one thread for a while.

    For many small operations: waking a second thread takes longer than they do. Changing the number back and forth
    costs more still, as the team is made anew each time, and in a thread of their own they wait for Python's lock.
    """
    threads, picture_threads = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        cv2.setNumThreads(picture_threads)


@contextmanager
def quick_turns() -> Iterator[None]:
    """Have threads take turns in Python often for a while.

    For threads that mostly wait for long calls: by default each waits up to 5 ms for its turn after every one of them.
    """
    interval = sys.getswitchinterval()
    sys.setswitchinterval(TURN_S)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)


def run_ahead(items: Iterator[T], name: str, depth: int = 1) -> Generator[T]:
    """As `progress.run_ahead`, for items that PyTorch makes: one thread for each is enough."""
    return make_ahead(items, name, depth, use_one_thread)
