"""What can go wrong, as the user is told it.

A message is one line and says what was found, what was expected and what to do. The command line prints it and exits
with `exit_code`; a library caller catches `ChoreograftError` or the kind it can mend.
"""

import re
from typing import Final

INTERRUPTED: Final = 130
"""The exit code of a program that was interrupted from the keyboard, by the shells' custom."""
LONGEST_REASON: Final = 160
"""Characters of what a library has to say to a file that does not fit."""


def give_reason(error: BaseException) -> str:
    """What a library's error says, in one line and not too long: PyTorch lists what does not fit line by line."""
    words = " ".join(str(error).split()) or type(error).__name__
    return words if len(words) <= LONGEST_REASON else words[:LONGEST_REASON] + "…"


def in_one_line(text: str) -> str:
    """The same with its control characters and line feeds, of names or of a library, as Python writes them."""
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", lambda control: repr(control[0])[1:-1], text)


def count_of(number: int, noun: str) -> str:
    """'1 frame', '2 frames'."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


class ChoreograftError(Exception):
    """Base of every error that is the user's to mend rather than ours."""

    exit_code = 1


class OptionError(ChoreograftError):
    """An option or a combination of options that cannot work."""

    exit_code = 2


class VideoError(ChoreograftError):
    """A video that cannot be read: missing, not a video, no picture, truncated."""


class OutputError(ChoreograftError):
    """An output that cannot or must not be written."""


class PersonError(ChoreograftError):
    """No person to follow, or one too small or too briefly seen to learn from."""


class AssetError(ChoreograftError):
    """A model file that is neither cached nor reachable, or whose checksum is wrong."""


class FileFormatError(ChoreograftError):
    """A track, performer or checkpoint file that is not one, or comes from another version."""


class BusyError(ChoreograftError):
    """Another process is writing the same run folder."""


class TeamError(ChoreograftError):
    """Another process of the same training has ended."""


class DependencyError(ChoreograftError):
    """A library, of Python or of the system, that this verb needs and the machine lacks."""
