"""What the metrics measure with, loaded once for a whole evaluation; what cannot be loaded is left out and named."""

from dataclasses import dataclass
from typing import Final

from choreograft.errors import AssetError, FileFormatError
from choreograft.evaluate.metrics.faces import FaceLikeness
from choreograft.evaluate.metrics.perceptual import FeatureDistance, Lpips, load_lpips
from choreograft.evaluate.metrics.stlpips import ShiftTolerantDistance, load_stlpips
from choreograft.performer.device import Compute
from choreograft.performer.perceptual import load_perceptual
from choreograft.progress import Progress, silent

GPU_BATCH: Final = 16
CPU_BATCH: Final = 4
"""Pictures that a network sees at once; on a CPU the features of more fall out of its caches and take twice as long."""


@dataclass(frozen=True)
class Tools:
    """The networks behind the metrics; None where one is missing, and its metrics are left out."""

    perceptual: FeatureDistance | None
    faces: FaceLikeness | None
    lpips: Lpips | None
    batch: int
    """Pictures, or pairs of them, that are shown to a network at once."""
    notes: tuple[str, ...] = ()
    """One sentence for each that is missing."""
    stlpips: ShiftTolerantDistance | None = None


def load_tools(compute: Compute, progress: Progress = silent) -> Tools:
    """Load the networks that can be had; never fails for one that cannot."""
    batch = CPU_BATCH if compute.device.type == "cpu" else GPU_BATCH
    lpips = load_lpips(compute)
    notes = [lpips] if isinstance(lpips, str) else []
    network, stlpips = None, None
    try:
        network = load_perceptual("efficientnet_lite0", progress)
    except (AssetError, FileFormatError) as error:
        notes.append(f"perceptual distance and identity were left out: {error}")
    try:
        stlpips = load_stlpips(compute, progress)
    except (AssetError, FileFormatError) as error:
        notes.append(f"ST-LPIPS was left out: {error}")
    return Tools(
        None if network is None else FeatureDistance(network, compute),
        None if network is None else FaceLikeness(network, compute),
        None if isinstance(lpips, str) else lpips,
        batch,
        tuple(notes),
        stlpips,
    )
