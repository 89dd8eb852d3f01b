"""What a training run leaves to look at: numbers by line, pictures of fixed frames, a plot of the losses.

run folder/   options.json  stats.jsonl  losses.png  summary.json  previews/  checkpoint.safetensors  recording/
"""

import json
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from choreograft.files import atomic_path
from choreograft.video.size import save_picture

CHECKPOINT: Final = "checkpoint.safetensors"
"""The file in a run folder that holds an unfinished training."""


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
        """Draw stats.jsonl as losses.png: one small panel for each figure."""
        lines = _read_lines(self.folder / "stats.jsonl")
        if len(lines) > 1:
            plot_lines(lines, self.folder / "losses.png")


def plot_lines(lines: list[dict[str, float]], path: Path) -> None:
    """Plot every figure of stats lines over the images seen; written atomically as a picture."""
    from matplotlib.figure import Figure  # takes a second to import, and most runs plot once

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
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=110)


def _read_lines(path: Path) -> list[dict[str, float]]:
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            lines.append(json.loads(line))
        except json.JSONDecodeError:  # the last line of a run that was killed while it wrote
            break
    return lines
