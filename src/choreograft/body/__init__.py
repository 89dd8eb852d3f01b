"""A body in the middle: a parametric 3D body fitted to a clip, so that motion is carried over in 3D.

World axes of a clip, everywhere in this package (and in the studio): metres, x to the right as the camera sees it, y
away from the camera, z up, the floor at z = 0. A body that stands straight at rest faces -y, its left hand at +x.
"""
