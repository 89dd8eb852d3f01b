"""Synthetic performers: people who do not exist, dancing in front of a camera whose truth is known exactly.

The studio needs the optional extra `studio` (pyvista), and its bodies are those of `choreograft.body.model`. Importing
this package, or any module in it, imports neither; they are loaded when a body is built or a picture is drawn. Start at
`choreograft.studio.render.render_clip`.

Stage axes, everywhere in the studio: metres, x to the right as the camera sees it, y away from the camera, z up, the
floor at z = 0. A performer who stands straight faces -y, with the left hand at +x.
"""
