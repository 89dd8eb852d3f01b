"""All resumable state of a training run in one place, and its checkpoint: one safetensors file, no pickle.

Optimiser states are tensors by (group, parameter, name); counters and options travel in the JSON header.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from choreograft.config import Precision, StageName
from choreograft.errors import FileFormatError, give_reason
from choreograft.files import DAMAGE, atomic_path

FORMAT = "choreograft-checkpoint"
VERSION = 2


@dataclass
class TrainingState:
    """What a run has to remember. Modules and optimisers may be wrapped by Fabric."""

    stage: StageName
    generator: nn.Module
    discriminator: nn.Module
    generator_optimiser: torch.optim.Optimizer
    discriminator_optimiser: torch.optim.Optimizer
    finished: nn.Module | None = None
    """What the stages before this one trained and it does not; None where there is nothing of the kind."""
    seen_images: int = 0
    """Frames the generators were trained on in all stages; two a sample."""
    seconds: float = 0.0
    """Time spent training, over all stages and sessions."""

    def save(self, path: Path, key: str, precision: Precision) -> None:
        """Write a checkpoint, atomically; `key` names the options it belongs to."""
        tensors: dict[str, Tensor] = {}
        for name, module in self._modules().items():
            tensors |= {f"{name}/{entry}": tensor for entry, tensor in module.state_dict().items()}
        for name, optimiser in self._optimisers().items():
            tensors |= {f"{name}/{entry}": tensor for entry, tensor in _flatten(optimiser).items()}
        header = {
            "format": FORMAT, "version": VERSION, "key": key, "stage": self.stage, "seen_images": self.seen_images,
            "seconds": self.seconds, "precision": precision,
        }  # fmt: skip
        plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        with atomic_path(path) as temporary:
            save_file(plain, temporary, metadata={"choreograft": json.dumps(header)})

    def load(self, path: Path, key: str) -> None:
        """Go back to a checkpoint written by `save` in the same stage with the same key.

        Raises:
            FileFormatError: damaged, of another version, stage or architecture, or of a run with other options.
        """
        with _open_checkpoint(path, key, f" in stage {self.stage}") as (header, file):
            if header["stage"] != self.stage:
                raise ValueError(f"stage {header['stage']}")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
            for name, module in self._modules().items():
                module.load_state_dict(_part(tensors, name), strict=True)
            for name, optimiser in self._optimisers().items():
                _restore(optimiser, _part(tensors, name))
            self.seen_images, self.seconds = header["seen_images"], header["seconds"]

    def _modules(self) -> dict[str, nn.Module]:
        modules = {"generator": self.generator, "discriminator": self.discriminator}
        return modules if self.finished is None else modules | {"finished": self.finished}

    def _optimisers(self) -> dict[str, torch.optim.Optimizer]:
        return {
            "generator_optimiser": self.generator_optimiser,
            "discriminator_optimiser": self.discriminator_optimiser,
        }


def read_stage(path: Path, key: str) -> str:
    """The stage in which a checkpoint of the run of that key was written.

    Raises:
        FileFormatError: damaged, of another version, or of a run with other options.
    """
    with _open_checkpoint(path, key) as (header, _):
        return str(header["stage"])


def read_precision(path: Path, key: str) -> Precision | None:
    """The precision in which a checkpoint of the run of that key was trained; None where it was not written down yet.

    Raises:
        FileFormatError: damaged, of another version, or of a run with other options.
    """
    with _open_checkpoint(path, key) as (header, _):
        return cast(Precision | None, header.get("precision"))


@contextmanager
def _open_checkpoint(path: Path, key: str, where: str = "") -> Iterator[tuple[dict[str, Any], Any]]:
    """The header and the open file; whatever does not fit becomes one line that names the file."""
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads((file.metadata() or {})["choreograft"])
            if (header["format"], header["version"], header["key"]) != (FORMAT, VERSION, key):
                raise ValueError(f"{header['format']} version {header['version']} of run {header['key']}")
            yield header, file
    except (SafetensorError, *DAMAGE) as error:
        expected = f"a {FORMAT} of version {VERSION} of run {key}{where}"
        raise FileFormatError(
            f"{path}: expected {expected}, found {give_reason(error)}; remove it to begin anew"
        ) from error


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
