"""A method that draws from a source's frames instead of its poses: translated into the target's domain, without pairs.

The domains are the frames of the source and of the target that show their person. What is translated keeps the source's
layout, so the target stands where the source stood; docs/method.md says what follows from that.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from choreograft.errors import FileFormatError, give_reason
from choreograft.evaluate.baselines.translation import Domain, Translation, translate_picture
from choreograft.evaluate.methods import Conditions, Footage, Method, MethodPlan
from choreograft.evaluate.roster import TranslationConfig
from choreograft.files import DAMAGE, atomic_path, content_hash, remove_partial, text_hash
from choreograft.footage.clip import Clip
from choreograft.performer.networks import GlobalGenerator
from choreograft.progress import Progress
from choreograft.training.loop import fit
from choreograft.training.state import CHECKPOINT, Journal, keep_precision
from choreograft.training.train import hold_folder
from choreograft.video.read import probe, read_frames
from choreograft.video.size import Canvas, Size

GENERATOR_FILE: Final = "generator.safetensors"
"""What a finished training leaves in its run folder: source to target, with `images` and `seconds` in the header."""
STORED: Final = ("source.npy", "target.npy")
"""The frames of both domains, while it trains."""


def plan_translated(
    name: str, config: TranslationConfig, source: Clip, footage: Footage, conditions: Conditions
) -> MethodPlan:
    """A translation, which serves one source and one target.

    Args:
        source: with its cleaned track: frames without the person are translated too, but not learned from.
        footage: of the target.
    """
    size, compute = footage.canvas(conditions.height_px), conditions.compute
    videos = content_hash(source.path), footage.key
    identity = text_hash([name, asdict(config), *videos, size, asdict(conditions.budget), conditions.seed])

    def build(progress: Progress) -> Method:
        folder = footage.folder(conditions.runs, identity)
        path = folder / GENERATOR_FILE
        if not path.exists():
            progress.say(f"Training {name} from {source.path} for {conditions.budget}")
            with hold_folder(folder):
                remove_partial(folder)
                _train(path, config, [[source], footage.shown()], size, conditions, identity, progress)
                for served in (CHECKPOINT, *STORED):  # no longer mapped into memory, which Windows asks for
                    (folder / served).unlink()
        generator, facts = _load_generator(path, config, compute.device)
        parameters = sum(weight.numel() for weight in generator.parameters())
        canvas = Canvas(probe(source.path).size, size)

        def draw(_: object) -> Iterator[NDArray[np.uint8]]:
            frames = (canvas.place_image(frame.image) for frame in read_frames(source.path))
            return (translate_picture(generator, frame, compute) for frame in frames)

        return Method(size, None, draw, {**facts, "parameters": parameters})

    return MethodPlan(name, identity, build)


def _train(
    path: Path,
    config: TranslationConfig,
    clips: Sequence[Sequence[Clip]],
    size: Size,
    conditions: Conditions,
    key: str,
    progress: Progress,
) -> None:
    """Train in the folder of `path`, from its checkpoint on where there is one, and write the generator there."""
    journal = Journal(path.parent)
    compute = keep_precision(conditions.compute, journal.checkpoint, key, progress)
    source, target = (
        Domain.prepare(path.parent / file, domain, config.loaded, size, progress)
        for file, domain in zip(STORED, clips, strict=True)
    )
    translation = Translation(
        compute=compute, seed=conditions.seed, budget=conditions.budget, journal=journal, key=key,
        config=config, source=source, target=target,
    )  # fmt: skip
    fit(translation, progress)
    journal.plot_losses()
    _save_generator(translation.translators.to_target, translation.facts, path)


def _save_generator(generator: nn.Module, facts: dict[str, Any], path: Path) -> None:
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in generator.state_dict().items()}
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, metadata={"choreograft": json.dumps(facts)})


def _load_generator(
    path: Path, config: TranslationConfig, device: torch.device
) -> tuple[GlobalGenerator, dict[str, Any]]:
    """What `_save_generator` wrote, and its facts.

    Raises:
        FileFormatError: damaged, or of another architecture.
    """
    generator = GlobalGenerator(3, 3, config.generator)
    try:
        with safe_open(path, framework="pt") as file:
            facts = json.loads(file.metadata()["choreograft"])
            generator.load_state_dict({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118 - not a dict
    except (SafetensorError, *DAMAGE) as error:
        raise FileFormatError(
            f"{path}: expected a generator, found {give_reason(error)}; remove it to train it again"
        ) from error
    return generator.to(device, memory_format=torch.channels_last), facts  # type: ignore[call-overload]
