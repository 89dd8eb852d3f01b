"""Launches kernels on PyTorch's tensors, on a CPU (one thread) or a CUDA device.

warp-lang compiles a module of kernels when it is first launched on a kind of device, which takes seconds, and keeps
the result under ~/.cache/warp (or `WARP_CACHE_PATH`). It is imported late: a command without a body need not wait.
"""

import importlib
from collections.abc import Sequence
from contextlib import nullcontext
from functools import cache
from threading import Lock
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from choreograft.errors import DependencyError
from choreograft.quiet import quiet_stderr

_ERRORS_ONLY = 40
"""warp's log level; below, it greets on standard output."""
_TURN = Lock()
"""warp loads and compiles what is launched first, and is not made for two threads that do."""


@cache
def _import_warp() -> ModuleType:
    try:
        settings: Any = importlib.import_module("warp.config")
    except ImportError as error:
        raise DependencyError("cannot import warp; install it with: pip install warp-lang") from error
    settings.log_level = _ERRORS_ONLY
    warp = importlib.import_module("warp")
    with nullcontext() if torch.cuda.is_available() else quiet_stderr(bool):  # it misses a CUDA driver at any log level
        warp.init()
    return warp


@cache
def _find_kernel(kernel: str) -> Any:
    module, _, name = kernel.rpartition(".")
    package = "choreograft" if "." in module else "choreograft.body"
    return getattr(importlib.import_module(f"{package}.{module}"), name)


def launch(kernel: str, threads: int | tuple[int, ...], arguments: Sequence[Tensor | float]) -> None:
    """Run a kernel, in order with what PyTorch does on the same device.

    Args:
        kernel: "package.module.function" below `choreograft`, or "module.function" below `choreograft.body`.
        threads: how many, along each axis.
        arguments: in the kernel's order; contiguous tensors of one device, and numbers. The kernel may write to them.
            A float32 tensor stands for an array of vectors where the kernel asks for one.
    Raises:
        DependencyError: warp-lang is not installed.
    """
    with _TURN:
        _launch(kernel, threads, arguments)


def _launch(kernel: str, threads: int | tuple[int, ...], arguments: Sequence[Tensor | float]) -> None:
    warp = _import_warp()
    function = _find_kernel(kernel)
    tensors = [argument for argument in arguments if isinstance(argument, Tensor)]
    device = tensors[0].device
    passed = [
        warp.from_torch(value.detach(), dtype=parameter.type.dtype, return_ctype=True)
        if isinstance(value, Tensor)
        else value
        for value, parameter in zip(arguments, function.adj.args, strict=True)
    ]
    stream = warp.stream_from_torch(torch.cuda.current_stream(device)) if device.type == "cuda" else None
    warp.launch(function, dim=threads, inputs=passed, device=warp.device_from_torch(device), stream=stream)
