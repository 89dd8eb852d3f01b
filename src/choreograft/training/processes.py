"""How many processes train together and what each takes of a step; known without loading torch."""

import os
from dataclasses import dataclass
from typing import Final

from choreograft.errors import OptionError
from choreograft.machine import read_torchrun
from choreograft.options import DEFAULT_BATCH, DEFAULT_DEVICES, DEFAULT_NODES
from choreograft.presets import Preset

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
