"""What can go wrong, as the user is told it.

A message is one line and says what was found, what was expected and what to do. The command line prints it and exits
with `exit_code`; a library caller catches `ChoreograftError` or the kind it can mend.
"""


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
