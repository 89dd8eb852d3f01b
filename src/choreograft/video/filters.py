"""One of FFmpeg's filters by itself, for pictures of one kind."""

from fractions import Fraction

from av.filter import Graph
from av.video.format import VideoFormat


def build_filter(size: tuple[int, int], format_name: str, name: str, **options: str) -> Graph:
    """A graph to push pictures into and pull them from.

    Args:
        size: of the pictures, width and height, px. format_name: theirs. name, options: of the filter.
    Raises:
        ValueError: FFmpeg has no such format or filter. av.FFmpegError: it does not take these.
    """
    graph = Graph()
    width, height = size
    start = graph.add_buffer(width=width, height=height, format=VideoFormat(format_name), time_base=Fraction(1))
    between, end = graph.add(name, **options), graph.add("buffersink")
    start.link_to(between)
    between.link_to(end)
    graph.configure()
    return graph
