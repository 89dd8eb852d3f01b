"""A video with its own track drawn over it: to see whether a person was followed well before anything is trained."""

from pathlib import Path

from choreograft.pose.draw import overlay_pose
from choreograft.pose.track import PoseTrack
from choreograft.progress import Progress, silent
from choreograft.video.read import probe, read_frames
from choreograft.video.write import VideoWriter


def render_overlay(video: Path, track: PoseTrack, output: Path, progress: Progress = silent) -> None:
    """Write `video`, darkened, with the poses of its track drawn over it, at its own size, rate and sound."""
    info = probe(video)
    with (
        VideoWriter(output, info.size, info.rate, sound_from=video, time_base=info.time_base) as writer,
        progress.task("Drawing", len(track)) as advance,
    ):
        for frame in read_frames(video):
            t = frame.index
            image = overlay_pose(frame.image, track.xy[t], track.score[t] * track.present[t], track.depth[t])
            writer.write(image, frame.time, frame.duration)
            advance(t + 1)
