"""Which device computes, in which precision and with how many threads."""

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Literal, TypeVar, cast

import torch

from choreograft.errors import OptionError

T = TypeVar("T")
DEVICES: Final = ("auto", "cpu", "cuda")


@dataclass(frozen=True)
class Compute:
    """A device and whether bf16 pays on it."""

    device: torch.device
    bf16: bool

    @property
    def fabric_precision(self) -> Literal["bf16-mixed", "32-true"]:
        """The same choice in Lightning Fabric's words."""
        return "bf16-mixed" if self.bf16 else "32-true"

    def autocast(self) -> torch.autocast:
        """A context in which networks run in the chosen precision."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16)

    def __str__(self) -> str:
        where = torch.cuda.get_device_name(self.device) if self.device.type == "cuda" else "CPU"
        return f"{where}, {'bf16' if self.bf16 else 'float32'}"


def choose_compute(name: str = "auto") -> Compute:
    """The fastest device there is, or the one asked for.

    On a CPU without bf16 instructions bf16 is emulated and slower than float32, so the instruction set decides.

    Raises:
        OptionError: an unknown name, or CUDA where there is none.
    """
    if name not in DEVICES:
        raise OptionError(f"unknown device {name!r}; expected auto, cpu or cuda")
    if name == "cuda" and not torch.cuda.is_available():
        raise OptionError("--device cuda: no CUDA device found; use --device cpu, or see choreograft doctor")
    if name != "cpu" and torch.cuda.is_available():
        return Compute(torch.device("cuda", 0), torch.cuda.is_bf16_supported())
    return Compute(torch.device("cpu"), cpu_has_bf16())


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
    """Have PyTorch work with one thread for a while.

    For many small operations: waking a second thread takes longer than they do. Changing the number back and forth
    costs more still, as the team is made anew each time, and in a thread of their own they wait for Python's lock.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def run_ahead(items: Iterator[T], name: str) -> Generator[T]:
    """The same items; each is made, in a thread of that name, while the one before is worked with."""
    end = object()
    with ThreadPoolExecutor(1, name, initializer=use_one_thread) as worker:
        coming = worker.submit(next, items, end)
        while (present := coming.result()) is not end:
            coming = worker.submit(next, items, end)
            yield cast(T, present)
