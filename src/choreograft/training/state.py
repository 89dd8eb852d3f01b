"""All resumable state of a training run in one place, and its checkpoint: one safetensors file, no pickle.

Optimiser states are tensors by (group, parameter, name); counters and options travel in the JSON header.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from choreograft.errors import FileFormatError
from choreograft.files import atomic_path

FORMAT = "choreograft-checkpoint"
VERSION = 1


@dataclass
class TrainingState:
    """What a run has to remember. Modules and optimisers may be wrapped by Fabric."""

    generator: nn.Module
    discriminator: nn.Module
    generator_optimiser: torch.optim.Optimizer
    discriminator_optimiser: torch.optim.Optimizer
    seen_images: int = 0
    """Frames the generator was trained on; two a step."""
    seconds: float = 0.0
    """Time spent training, over all sessions."""

    def save(self, path: Path, key: str) -> None:
        """Write a checkpoint, atomically; `key` names the options it belongs to."""
        tensors: dict[str, Tensor] = {}
        for name in ("generator", "discriminator"):
            module: nn.Module = getattr(self, name)
            tensors |= {f"{name}/{entry}": tensor for entry, tensor in module.state_dict().items()}
            optimiser: torch.optim.Optimizer = getattr(self, f"{name}_optimiser")
            tensors |= {f"{name}_optimiser/{entry}": tensor for entry, tensor in _flatten(optimiser).items()}
        header = {
            "format": FORMAT, "version": VERSION, "key": key, "seen_images": self.seen_images, "seconds": self.seconds,
        }  # fmt: skip
        plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        with atomic_path(path) as temporary:
            save_file(plain, temporary, metadata={"choreograft": json.dumps(header)})

    def load(self, path: Path, key: str) -> None:
        """Go back to a checkpoint written by `save` with the same key.

        Raises:
            FileFormatError: damaged, of another version, or of a run with other options.
        """
        try:
            with safe_open(path, framework="pt") as file:
                header = json.loads((file.metadata() or {})["choreograft"])
                if (header["format"], header["version"], header["key"]) != (FORMAT, VERSION, key):
                    raise ValueError(f"{header['format']} version {header['version']} of run {header['key']}")
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
            for name in ("generator", "discriminator"):
                getattr(self, name).load_state_dict(_part(tensors, name), strict=True)
                _restore(getattr(self, f"{name}_optimiser"), _part(tensors, f"{name}_optimiser"))
        except (SafetensorError, OSError, KeyError, ValueError, RuntimeError) as error:
            expected = f"a {FORMAT} of version {VERSION} of run {key}"
            raise FileFormatError(f"{path}: expected {expected}, found {error}; remove it to begin anew") from error
        self.seen_images, self.seconds = header["seen_images"], header["seconds"]


def _part(tensors: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    return {key.removeprefix(f"{name}/"): value for key, value in tensors.items() if key.startswith(f"{name}/")}


def _flatten(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Adam's moments and step counts as {"<parameter number>/<name>": tensor}."""
    states: dict[int, dict[str, Any]] = optimiser.state_dict()["state"]
    return {
        f"{number}/{name}": torch.as_tensor(value) for number, state in states.items() for name, value in state.items()
    }


def _restore(optimiser: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    states: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        number, name = key.split("/")
        states.setdefault(int(number), {})[name] = value
    optimiser.load_state_dict({"state": states, "param_groups": optimiser.state_dict()["param_groups"]})
