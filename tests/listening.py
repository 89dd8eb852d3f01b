"""A user who reads what is said."""

from choreograft.progress import SilentProgress


class Listener(SilentProgress):
    """Keeps what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, sentence: str) -> None:
        self.said.append(sentence)
