"""The processes of a training, one for each device: started, or found started by torchrun, and connected."""

import logging
from dataclasses import replace
from datetime import timedelta
from typing import Final

import torch
import torch.distributed as dist
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from lightning_fabric.plugins.environments.torchelastic import TorchElasticEnvironment

from choreograft.errors import OptionError
from choreograft.machine import read_torchrun
from choreograft.performer.device import Compute
from choreograft.training.processes import Processes
from choreograft.training.team import Team, alone

PATIENCE: Final = timedelta(hours=24)
"""How long processes wait for each other: the main one may track long footage and fit bodies to it meanwhile."""


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
