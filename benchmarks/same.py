"""Whether two versions of this code do the same: prints by how much their results differ.

    python benchmarks/same.py make VIDEO FOLDER
    python benchmarks/same.py compare FOLDER OTHER

`make`, with each version, tracks a clip, fits its body, trains `draft` and the paper's three stages at 128 px from
one seed (float32, one thread), and draws the clip's own motion with both and with `preview`. `compare` takes the
folders of two versions and exits with 1 where something differs by more than 1e-5 of its largest value.
"""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import torch
from safetensors.numpy import load_file

from choreograft.body.body_track import ARRAYS
from choreograft.footage.bodies import read_bodies
from choreograft.footage.clip import read_clip
from choreograft.performer.device import Compute
from choreograft.performer.performer import load_performer
from choreograft.presets import PRESETS, Budget
from choreograft.render.session import render_frames
from choreograft.retarget.body import carry_over
from choreograft.training.train import TrainingPlan, train_performer

IMAGES: Final = {"draft": 60, "paper": 180, "preview": None}
"""Shown to the generator: of the paper's some 60 in each stage."""
FRAMES: Final = 8
"""That are drawn."""
ALIKE: Final = 1e-5


def make(video: Path, folder: Path) -> None:
    """Fill a folder with what this version makes of a clip."""
    torch.set_num_threads(1)
    clip, _ = read_clip(video, 1, folder)
    [body] = read_bodies([clip], 1, folder)
    arrays = {f"body/{name}": getattr(body, name) for name in ARRAYS} | {"track/xy": clip.track.xy}
    for name, images in IMAGES.items():
        preset = PRESETS[name]
        if name == "paper":
            preset = replace(preset, height_px=128, perceptual="efficientnet_lite0")
        plan = TrainingPlan((video,), 1, preset, Budget(minutes=0.0) if images is None else Budget(images=images), 0)
        path = train_performer(plan, [clip], folder, Compute(torch.device("cpu"), False), bodies=[body])
        arrays |= {f"{name}/{key}": value for key, value in load_file(path).items()}
        performer = load_performer(path)
        motion = carry_over(clip.track, body, performer.card.standing)
        drawn = zip(range(FRAMES), render_frames(performer, motion, Compute(torch.device("cpu"), False)), strict=False)
        arrays[f"{name}/frames"] = np.stack([frame.image for _, frame in drawn])
    np.savez(folder / "made.npz", **arrays)


def compare(one: Path, other: Path) -> bool:
    """Print the largest difference of each kind of result, as a share of the largest value; whether all are alike."""
    ours, theirs = (np.load(folder / "made.npz") for folder in (one, other))
    worst: dict[str, float] = {}
    for name in sorted(set(ours.files) | set(theirs.files)):
        kind, off = name.rsplit("/", 1)[0], np.inf
        if name in ours and name in theirs and ours[name].shape == theirs[name].shape:
            a, b = (arrays[name].astype(np.float64) for arrays in (ours, theirs))
            off = float(np.nanmax(np.abs(a - b), initial=0) / max(np.nanmax(np.abs(a), initial=0), 1e-12))
        worst[kind] = max(worst.get(kind, 0.0), off)
    for kind, off in worst.items():
        print(f"{kind}: {off:.1e}")
    return max(worst.values()) <= ALIKE


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["make", video, folder]:
            make(Path(video), Path(folder))
        case ["compare", one, other]:
            sys.exit(not compare(Path(one), Path(other)))
        case _:
            sys.exit(__doc__)
