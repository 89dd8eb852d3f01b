"""From options, or from what torchrun has started, to the processes of a training: one for each device."""

import logging
import os
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

import torch
import torch.distributed as dist
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment

from choreograft.errors import OptionError
from choreograft.options import DEFAULT_BATCH, DEFAULT_DEVICES, DEFAULT_NODES
from choreograft.performer.device import Compute
from choreograft.presets import Preset
from choreograft.ranks import read_torchrun
from choreograft.training.team import Team, alone

PATIENCE: Final = timedelta(hours=24)
"""How long processes wait for each other: the main one may track long footage and fit bodies to it meanwhile."""
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
    def choose(devices: int | None, nodes: int | None, compute: Compute) -> "Processes":
        """As the options ask for, or as torchrun has started them.

        Raises:
            OptionError: numbers that cannot be, that are not torchrun's, or that this machine cannot serve.
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
        if compute.device.type == "cuda" and chosen.devices > torch.cuda.device_count():
            raise OptionError(
                f"--devices is {chosen.devices}, and this machine has {torch.cuda.device_count()} CUDA devices; use as"
                " many, or --device cpu"
            )
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


def launch(processes: Processes, compute: Compute) -> tuple[Team, Compute]:
    """Start the processes that are not there yet and connect all of them.

    Those that Lightning starts run the same command line from its beginning, up to here.

    Returns:
        This process's place among them, and its own device with the main one's precision.
    """
    if processes.count == 1:
        return alone, compute
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # it announces every process
    fabric = Fabric(
        accelerator=compute.device.type,
        strategy="ddp",
        devices=processes.devices,
        num_nodes=processes.nodes,
        plugins=[LightningEnvironment() if read_torchrun() is None else TorchElasticEnvironment()],
    )
    fabric.launch()
    messages = dist.new_group(backend="gloo", timeout=PATIENCE)
    team = Team(fabric.world_size, fabric.global_rank, messages)
    return team, replace(compute, device=fabric.device, bf16=bool(team.hear_main(compute.bf16)))
