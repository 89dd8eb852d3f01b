"""What `check` is asked for, refused before anything heavy is imported or begun."""

from pathlib import Path
from typing import Final

from choreograft.errors import OutputError
from choreograft.options import CheckOptions
from choreograft.video.read import probe

DOCUMENT_NAME: Final = "check.json"


def check_footage(options: CheckOptions) -> Path:
    """Refuse a check that cannot be; returns where its document belongs.

    Raises:
        VideoError: a video cannot be read. OutputError: an earlier check lies in the output folder.
    """
    for video in (options.video, options.source):
        if video is not None:
            probe(video)
    document_path = options.output / DOCUMENT_NAME
    if not options.json and document_path.exists() and not options.overwrite:
        raise OutputError(f"{document_path} exists already; choose another folder with -o, or add --overwrite")
    return document_path
