"""Which of the processes of a training this one is, by the environment that torchrun and Lightning's launcher set.

Known before the processes know each other, and without loading torch. A process started by neither is the main one.
"""

import os


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
