"""The verbs as functions: what the command line, Python and later the web page call.

Each checks what it can before it works for minutes, says what it found, and leaves its results where it says.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from choreograft.config import (
    Budget,
    CleaningConfig,
    DanceOptions,
    TrackingConfig,
    TrackOptions,
    TrainOptions,
    find_preset,
)
from choreograft.errors import OptionError
from choreograft.files import content_hash, write_json
from choreograft.performer.device import Compute, choose_compute
from choreograft.performer.performer import Performer
from choreograft.performer.store import SUFFIX, load_performer
from choreograft.pose.clean import clean_track
from choreograft.pose.draw import overlay_track
from choreograft.pose.track import PoseTrack
from choreograft.pose.tracking import load_or_track
from choreograft.progress import Progress, silent
from choreograft.render.transfer import Rendering, render_dance
from choreograft.training.recording import Clip
from choreograft.training.train import TrainingPlan, list_versions, train_performer
from choreograft.video.read import probe
from choreograft.video.write import check_output
