"""Synthetic performers: people who do not exist, dancing in front of a camera whose truth is known exactly.

The studio needs the optional extra `studio` (pyvista), and its bodies are those of `choreograft.body.model`. Importing
this package, or any module in it, imports neither; they are loaded when a body is built or a picture is drawn. Start at
`choreograft.studio.render.render_clip`.

Stage axes, everywhere in the studio: metres, x to the right as the camera sees it, y away from the camera, z up, the
floor at z = 0. A performer who stands straight faces -y, with the left hand at +x.
"""

import tomllib
from pathlib import Path
from typing import Any


def read_table(name: str) -> dict[str, Any]:
    """The content of one of the TOML files beside this one."""
    return tomllib.loads(Path(__file__).with_name(name).read_text(encoding="utf-8"))
