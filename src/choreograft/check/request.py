"""What `check` is asked for, refused before anything heavy is imported or begun."""

from pathlib import Path
from typing import Final

from choreograft.errors import OptionError, OutputError
from choreograft.files import check_place, content_hash, fit_name, text_hash
from choreograft.options import CheckOptions
from choreograft.pose.openpose_files import hash_keypoints
from choreograft.pose.openpose_fit import check_keypoints
from choreograft.request import check_people, probe_clip

DOCUMENT_NAME: Final = "check.json"
DEFAULT_FOLDER: Final = Path("check")
"""Where checks go, a folder each, unless the user names another one."""


def check_footage(options: CheckOptions) -> Path:
    """Refuse a check that cannot be; returns where its document belongs.

    Raises:
        OptionError: a person's number is not above zero, or keypoints are of a source that is not named. VideoError,
            FileFormatError: a video or its keypoints cannot be read. PersonError: the keypoints hold nobody.
            OutputError: the output folder cannot be written, or an earlier check lies in it.
    """
    check_people(person=options.person, source_person=options.source_person)
    if options.source is None and options.source_keypoints is not None:
        raise OptionError("found --source-keypoints without --source; name the video, or leave them out")
    for video, keypoints in ((options.video, options.keypoints), (options.source, options.source_keypoints)):
        if video is not None:
            probe_clip(video)
            if keypoints is not None:
                check_keypoints(keypoints, video)
    document_path = (options.output or own_folder(options)) / DOCUMENT_NAME
    if not options.json:
        if document_path.exists() and not options.overwrite:
            raise OutputError(f"{document_path} exists already; choose another folder with -o, or add --overwrite")
        check_place(document_path)
    return document_path


def own_folder(options: CheckOptions) -> Path:
    """Where the check of a video, or of a pair, lies unless the user names a place: apart from those of all others."""
    videos = [content_hash(video) for video in (options.video, options.source) if video is not None]
    given = [path and hash_keypoints(path) for path in (options.keypoints, options.source_keypoints)]
    key = text_hash([*videos, options.person, options.source_person, *(given if any(given) else ())])
    return DEFAULT_FOLDER / fit_name(options.video.absolute().stem, f"-{key}")
