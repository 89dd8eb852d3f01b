"""The processes that train one performer together, one for each device, and what they tell each other.

They are started here, or found started by torchrun. All of them do the same steps on different samples of a batch. The
main one speaks to the user and writes files. What they say to each other about it goes from CPU to CPU, so that no
device is waited for; gradients go from device to device. A process that waits for one that has ended learns so and ends
too.
"""

import atexit
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Final, NoReturn, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.constants import default_pg_timeout

from choreograft.errors import OptionError, OutputError, TeamError
from choreograft.machine import Processes, count_cores, local_rank, node_rank, read_torchrun
from choreograft.performer.device import Compute

T = TypeVar("T")
PATIENCE: Final = timedelta(hours=24)
"""How long processes wait for each other: the main one may track long footage and fit bodies to it meanwhile."""
WATCH_EVERY_S: Final = 5.0
"""How often the main process looks after those that it has started: long enough for it to say why one of them ended."""


class Team:
    """This process among those of a training."""

    def __init__(self, size: int = 1, rank: int = 0, messages: dist.ProcessGroup | None = None) -> None:
        """Take a place.

        Args:
            size: how many processes there are.
            rank: of this one; 0 is the main one.
            messages: connects their CPUs; none for one process.
        """
        self.size, self.rank = size, rank
        self._messages = messages
        self._interrupted = False

    @property
    def is_main(self) -> bool:
        """Whether this is the process that speaks and writes."""
        return self.rank == 0

    def describe(self, compute: Compute) -> str:
        """What all of them compute on."""
        return str(compute) if self.size == 1 else f"{self.size} x {compute}"

    def wait(self) -> None:
        """Wait until all processes come here.

        Raises:
            TeamError: one of them has ended.
        """
        self._sum([])

    def lead(self, work: Callable[[], T]) -> T:
        """Have the main process do work that leaves files, then the others the same from those files.

        Raises:
            TeamError: the main process has ended.
        """
        if not self.is_main:
            self.wait()
            return work()
        result = work()
        self.wait()
        return result

    def hear_main(self, number: float) -> float:
        """The main process's number, in all of them."""
        return self._sum([number if self.is_main else 0])[0]

    def check_shared(self, folder: Path) -> None:
        """Make sure that all processes see the files that the main one writes into a folder.

        Raises:
            OutputError: on another machine the folder is another one.
        """
        if self.size == 1:
            return
        number = self.hear_main(secrets.randbits(32))
        mark = folder / f".shared-{number:.0f}"
        if self.is_main:
            folder.mkdir(parents=True, exist_ok=True)
            mark.touch()
        self.wait()
        blind = self._sum([not mark.exists()])[0]
        if self.is_main:
            mark.unlink()
        if blind:
            self.fail(
                OutputError(
                    f"{folder}: {blind:.0f} of {self.size} processes do not find there what the main one wrote; let"
                    " --runs name a folder that all machines share"
                )
            )

    def mean(self, figures: dict[str, float]) -> dict[str, float]:
        """Each figure's mean over the processes, which all name the same figures in the same order."""
        sums = self._sum(list(figures.values()))
        return {name: total / self.size for name, total in zip(figures, sums, strict=True)}

    def average_gradients(self, *modules: nn.Module) -> None:
        """Replace every gradient by its mean over the processes.

        All in one message after the last sample, as in StyleGAN3: generator and discriminators run several times a
        step, in part with frozen weights, before either has its gradient.
        """
        if self.size == 1:
            return
        weights = [weight for module in modules for weight in module.parameters()]
        gradients = [weight.grad for weight in weights if weight.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        _add_up(flat, None)
        flat /= self.size
        means = torch.split(flat, [gradient.numel() for gradient in gradients])
        for gradient, mean in zip(gradients, means, strict=True):
            gradient.copy_(mean.view_as(gradient))

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Have an interruption wait for `settle`, where all processes learn of it; one alone is interrupted at once."""
        if self.size == 1:
            yield
            return
        before = {number: signal.signal(number, self._note) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def settle(self, seconds: float) -> float:
        """The mean over the processes of what each one's clock says at the end of a step, the same in all of them.

        Raises:
            KeyboardInterrupt: one of them was interrupted; in all of them.
        """
        total, interrupted = self._sum([seconds, self._interrupted])
        if interrupted:
            raise KeyboardInterrupt
        return total / self.size

    def fail(self, error: BaseException) -> NoReturn:
        """Raise an error that all processes have found at the same place, in the others once the main one has ended.

        The main process is killed soon after another one ends with an error (`_end_together`).
        """
        if not self.is_main:
            with suppress(TeamError):
                self.wait()
        raise error

    def _note(self, *_: object) -> None:
        self._interrupted = True

    def _sum(self, values: Sequence[float]) -> list[float]:
        """The sum of each value over the processes."""
        if self.size == 1:
            return list(values)
        message = torch.tensor([*values, 0], dtype=torch.float64)
        _add_up(message, self._messages)
        return message[:-1].tolist()


def _add_up(message: Tensor, group: dist.ProcessGroup | None) -> None:
    """Replace a tensor by its sum over the processes."""
    try:
        dist.all_reduce(message, group=group)
    except RuntimeError as error:
        raise TeamError(
            "another process of this training has ended; look above for what it said; the same command goes on from the"
            " last checkpoint"
        ) from error


alone: Final = Team()
"""A training in one process."""


def check_devices(processes: Processes, compute: Compute) -> None:
    """Refuse more processes than this machine has GPUs.

    Raises:
        OptionError: it has fewer.
    """
    if compute.device.type == "cuda" and processes.devices > torch.cuda.device_count():
        raise OptionError(
            f"--devices is {processes.devices}, and this machine has {torch.cuda.device_count()} CUDA devices; use as"
            " many, or --device cpu"
        )


def launch(processes: Processes, compute: Compute) -> tuple[Team, Compute]:
    """Start the processes that are not there yet and connect all of them.

    Those that are started run the same command line from its beginning, up to here.

    Returns:
        This process's place among them, and its own device with the main one's precision.
    """
    if processes.count == 1:
        return alone, compute
    if "LOCAL_RANK" not in os.environ:
        _start_others(processes)
    if "OMP_NUM_THREADS" not in os.environ:
        threads = max(1, count_cores() // processes.devices)
        torch.set_num_threads(threads)
        os.environ["OMP_NUM_THREADS"] = str(threads)  # for libraries that are loaded later
    rank = int(os.environ["RANK"]) if read_torchrun() else node_rank() * processes.devices + local_rank()
    join = partial(dist.init_process_group, rank=rank, world_size=processes.count, timeout=default_pg_timeout)
    if compute.device.type == "cuda":
        compute = replace(compute, device=torch.device("cuda", local_rank()))
        torch.cuda.set_device(compute.device)
        join("nccl", device_id=compute.device)
        atexit.register(dist.destroy_process_group)
    else:
        join("gloo")
    team = Team(processes.count, rank, dist.new_group(backend="gloo", timeout=PATIENCE))
    return team, replace(compute, bf16=bool(team.hear_main(compute.bf16)))


def _start_others(processes: Processes) -> None:
    """Run this command line once more for each of this machine's other devices, and see to it that none is left."""
    with socket.create_server(("", 0)) as free:
        places = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1])}
    mine = {"NODE_RANK": str(node_rank()), "LOCAL_RANK": "0", "WORLD_SIZE": str(processes.count)}
    os.environ.update({**places, **os.environ, **mine})
    module = sys.modules["__main__"].__spec__
    program = [str(Path(sys.argv[0]).absolute())] if module is None else ["-m", module.name]
    command = [sys.executable, *program, *sys.argv[1:]]
    ranks = range(1, processes.devices)
    others = [subprocess.Popen(command, env={**os.environ, "LOCAL_RANK": str(rank)}) for rank in ranks]
    Thread(target=_end_together, args=(others,), name="other processes", daemon=True).start()


def _end_together(others: Sequence["subprocess.Popen[bytes]"]) -> None:
    """Kill this process and the others soon after one of the others has failed: on a GPU they might wait forever."""
    codes: list[int | None] = [None]
    while None in codes:
        time.sleep(WATCH_EVERY_S)
        codes = [other.poll() for other in others]
        if any(codes):
            for other in others:
                other.kill()
            os.kill(os.getpid(), signal.SIGKILL)
