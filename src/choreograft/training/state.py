"""A training on its way, all of it in one place, its checkpoint, and what it leaves to look at.

A checkpoint is one safetensors file, no pickle: optimiser states are tensors by (group, parameter, name); counters and
options travel in the JSON header. To look at are numbers by line, pictures of fixed frames, a plot of the losses:

run folder/   options.json  stats.jsonl  losses.png  summary.json  previews/  checkpoint.safetensors  recording/
"""

import json
import time
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from choreograft.config import OptimiserConfig, StageName, TrainingStage
from choreograft.errors import FileFormatError, OptionError, give_reason
from choreograft.files import DAMAGE, atomic_path
from choreograft.machine import DEFAULT_BATCH
from choreograft.performer.device import Compute
from choreograft.presets import Budget
from choreograft.progress import Progress
from choreograft.training.team import Team, alone
from choreograft.video.size import save_picture

CHECKPOINT: Final = "checkpoint.safetensors"
"""The file in a run folder that holds an unfinished training."""
FORMAT = "choreograft-checkpoint"
VERSION = 2
PARTS: Final = ("generator", "discriminator", "finished", "generator_optimiser", "discriminator_optimiser")
"""Of a training, in its checkpoint; those that are None are left out."""


@dataclass(frozen=True)
class JournalConfig:
    """How often what is written, while a training goes on."""

    checkpoint_every_s: float = 40.0
    preview_every_s: float = 60.0
    stats_every_images: int = 20
    preview_frames: int = 6


class Journal:
    """Writes statistics and previews into a run folder, each when it is due."""

    def __init__(self, folder: Path, config: JournalConfig = JournalConfig()) -> None:
        self.folder, self.checkpoint = folder, folder / CHECKPOINT
        self.config = config
        self.latest: dict[str, float] = {}
        self._sums: dict[str, Tensor] = defaultdict(lambda: torch.zeros(()))
        self._samples = 0
        self._preview_due = 0.0

    def note(self, terms: Mapping[str, Tensor]) -> None:
        """Add one sample's losses to the running means; nothing is read back from the device yet."""
        for name, value in terms.items():
            self._sums[name] = self._sums[name].to(value.device) + value.detach()
        self._samples += 1

    def take_means(self) -> dict[str, float]:
        """The losses' means since the last call; empty if no sample was noted since."""
        means = {name: float(total) / self._samples for name, total in self._sums.items()}
        self._sums.clear()
        self._samples = 0
        return means

    def write_stats(self, means: dict[str, float], seen_images: int, seconds: float, learning_rate: float) -> None:
        """Append the means of some steps to stats.jsonl."""
        line = {"images": seen_images, "seconds": round(seconds, 2), "learning_rate": learning_rate, **means}
        with (self.folder / "stats.jsonl").open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")
        self.latest = means

    def preview_is_due(self) -> bool:
        """Whether it is time for the next preview; the first is due at once."""
        return time.monotonic() >= self._preview_due

    def write_preview(self, sheet: NDArray[np.uint8], seen_images: int) -> None:
        """Save a contact sheet (H, W, 3) of what is drawn by now."""
        save_picture(sheet, self.folder / "previews" / f"images_{seen_images:07d}.png")
        self._preview_due = time.monotonic() + self.config.preview_every_s

    def forget_after(self, seen_images: int) -> None:
        """Drop lines of a session that was killed after its last checkpoint: its steps are about to be done again."""
        path = self.folder / "stats.jsonl"
        if not path.exists():
            return
        kept = [line for line in _read_lines(path) if line["images"] <= seen_images]
        with atomic_path(path) as temporary:
            temporary.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")

    def plot_losses(self) -> None:
        """Draw stats.jsonl as losses.png: one small panel for each figure, over the images seen."""
        from matplotlib.figure import Figure  # takes a second to import, and most runs plot once

        lines = _read_lines(self.folder / "stats.jsonl")
        if len(lines) < 2:
            return
        found = dict.fromkeys(name for line in lines for name in line)  # each stage has figures of its own
        names = [name for name in found if name not in ("images", "seconds")]
        figure = Figure(figsize=(9, 1.6 * ((len(names) + 1) // 2)), layout="constrained")
        panels = list(figure.subplots((len(names) + 1) // 2, 2, squeeze=False).flat)
        for panel in panels[len(names) :]:
            panel.remove()
        for panel, name in zip(panels, names, strict=False):
            points = [(line["images"], line[name]) for line in lines if name in line]
            panel.plot(*zip(*points, strict=True), linewidth=1)
            panel.set_title(name, fontsize=9)
            panel.tick_params(labelsize=7)
        figure.supxlabel("images seen", fontsize=9)
        with atomic_path(self.folder / "losses.png") as temporary:
            figure.savefig(temporary, dpi=110)


def _read_lines(path: Path) -> list[dict[str, float]]:
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            lines.append(json.loads(line))
        except json.JSONDecodeError:  # the last line of a run that was killed while it wrote
            break
    return lines


Terms = dict[str, Tensor]
"""Losses by name, each a scalar."""


@dataclass(kw_only=True)
class Training(ABC):
    """What computes, what is trained in the present stage, how far it has come, how long it goes on, what it leaves.

    What it learns from is a matter of those derived from it: `step.PerformerTraining`, and the translation between two
    people that `evaluate` has for a baseline.
    """

    compute: Compute
    seed: int
    """Of weights, of the order of the pairs and of what a generator draws lots for in training (pix2pix's dropout)."""
    budget: Budget
    journal: Journal
    """Of the run folder; the checkpoint lies there, too."""
    key: str
    """Names the plan that the checkpoint belongs to."""
    batch: int = DEFAULT_BATCH
    """Samples a step, over all processes."""
    team: Team = alone

    stages: Sequence[TrainingStage] = field(init=False)
    """All of them, in order."""
    images: int = field(init=False)
    """Real frames that a sample shows to the generators."""
    stage: StageName = "global"
    span: tuple[float, float] = (0.0, 1.0)
    """The part of the budget that the stage has, in shares of all of it."""
    optimiser: OptimiserConfig = field(init=False)
    """How the stage's learning rate goes."""
    generator: nn.Module = field(init=False)
    discriminator: nn.Module = field(init=False)
    generator_optimiser: torch.optim.Optimizer = field(init=False)
    discriminator_optimiser: torch.optim.Optimizer = field(init=False)
    finished: nn.Module | None = None
    """What the stages before this one trained and it does not; None where there is nothing of the kind."""

    seen_images: int = 0
    """Frames the generators were trained on in all stages."""
    seconds: float = 0.0
    """Time spent training, over all stages and sessions."""

    @abstractmethod
    def enter(self, stage: StageName) -> None:
        """Begin a stage, with what those before it have trained; calls `set_up`."""

    @abstractmethod
    def prepare(self, sample: int) -> Callable[[], Terms]:
        """Load a sample, on the CPU, in any thread.

        Returns:
            What adds its gradients, on the training device, and returns its losses by name.
        """

    @abstractmethod
    def draw_preview(self, count: int) -> NDArray[np.uint8]:
        """A contact sheet (H, W, 3) of what it draws by now, always of the same `count` frames."""

    def set_up(
        self, stage: StageName, generator: nn.Module, discriminator: nn.Module, optimiser: OptimiserConfig
    ) -> None:
        """Have a stage train these networks, from new optimisers on."""
        self.stage, self.optimiser = stage, optimiser
        self.generator, self.generator_optimiser = generator, self._adam(generator)
        self.discriminator, self.discriminator_optimiser = discriminator, self._adam(discriminator)

    def _adam(self, network: nn.Module) -> torch.optim.Adam:
        """The optimiser of a network, which goes to the training device; what is frozen in it is not its business."""
        network.to(self.compute.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        weights = [weight for weight in network.parameters() if weight.requires_grad]
        config = self.optimiser
        return torch.optim.Adam(weights, lr=config.learning_rate, betas=(config.beta1, config.beta2))

    @property
    def share(self) -> float:
        """Of a sample, of those that this process takes in a step."""
        return self.team.size / self.batch

    @property
    def spent(self) -> float:
        """How much of the budget is used up, in its own unit."""
        return self.budget.spent(self.seconds, self.seen_images) * self.budget.total

    @property
    def done(self) -> float:
        """How much of the stage is done, 0 to 1 and beyond."""
        begin, end = self.span
        return (self.budget.spent(self.seconds, self.seen_images) - begin) / (end - begin)

    @property
    def facts(self) -> dict[str, Any]:
        """How far it has come, for the header of what was trained."""
        return {"images": self.seen_images, "seconds": round(self.seconds, 1)}

    def save(self) -> None:
        """Write the checkpoint, atomically."""
        header = {
            "format": FORMAT, "version": VERSION, "key": self.key, "stage": self.stage, "seen_images": self.seen_images,
            "seconds": self.seconds, "precision": self.compute.precision,
        }  # fmt: skip
        plain = {
            f"{part}/{name}": tensor.detach().cpu().contiguous()
            for part, holder in self._parts().items()
            for name, tensor in _flatten(holder).items()
        }
        with atomic_path(self.journal.checkpoint) as temporary:
            save_file(plain, temporary, metadata={"choreograft": json.dumps(header)})

    def load(self) -> None:
        """Go back to the checkpoint written by `save` in the same stage with the same key.

        Raises:
            FileFormatError: damaged, of another version, stage or architecture, or of a run with other options.
        """
        with _open_checkpoint(self.journal.checkpoint, self.key, f" in stage {self.stage}") as (header, file):
            if header["stage"] != self.stage:
                raise ValueError(f"stage {header['stage']}")
            # copied: Adam keeps what it is given, and Windows replaces no file that is mapped into memory
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 - not a dict
            for name, part in self._parts().items():
                own = [entry for entry in tensors if entry.startswith(f"{name}/")]
                _restore(part, {entry.removeprefix(f"{name}/"): tensors[entry] for entry in own})
            self.seen_images, self.seconds = header["seen_images"], header["seconds"]

    def _parts(self) -> dict[str, nn.Module | torch.optim.Optimizer]:
        """What a checkpoint holds, by name."""
        return {name: getattr(self, name) for name in PARTS if getattr(self, name) is not None}


def read_header(path: Path, key: str) -> dict[str, Any]:
    """What a checkpoint of the run of that key says of itself; older ones know no `precision`.

    Raises:
        FileFormatError: damaged, of another version, or of a run with other options.
    """
    with _open_checkpoint(path, key) as (header, _):
        return header


def keep_precision(compute: Compute, checkpoint: Path, key: str, progress: Progress) -> Compute:
    """What a training computes with: as chosen, or in the precision of its checkpoint where none was stated.

    Raises:
        OptionError: the checkpoint was trained in another precision than the one stated.
        FileFormatError: the checkpoint is damaged or belongs to another plan.
    """
    begun = read_header(checkpoint, key).get("precision") if checkpoint.exists() else None
    if begun in (None, compute.precision):
        return compute
    if compute.stated:
        raise OptionError(
            f"{checkpoint}: found a training in {begun}, expected one in {compute.precision}; go on with --precision"
            f" {begun}, or remove it to begin anew"
        )
    progress.say(f"{checkpoint}: begun in {begun}, so it goes on in {begun} instead of {compute.precision}")
    return replace(compute, bf16=begun == "bf16")


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


def _flatten(part: nn.Module | torch.optim.Optimizer) -> dict[str, Tensor]:
    """Weights by name; of Adam, moments and step counts as {"<parameter number>/<name>": tensor}."""
    if isinstance(part, nn.Module):
        return part.state_dict()
    states: dict[int, dict[str, Any]] = part.state_dict()["state"]
    return {
        f"{number}/{name}": torch.as_tensor(value) for number, state in states.items() for name, value in state.items()
    }


def _restore(part: nn.Module | torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Undo `_flatten`."""
    if isinstance(part, nn.Module):
        part.load_state_dict(tensors, strict=True)
        return
    states: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        number, name = key.split("/")
        states.setdefault(int(number), {})[name] = value
    part.load_state_dict({"state": states, "param_groups": part.state_dict()["param_groups"]})
