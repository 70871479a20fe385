"""Ways out of the house, one file each. A new file with a Transport in it is a new way; nothing else lists them."""

from __future__ import annotations

import importlib
import pkgutil

from ...config import Config
from .base import Transport

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")


def transports() -> dict[str, type[Transport]]:
    """Every transport by name."""
    return {made.name: made for made in Transport.__subclasses__()}


def choose(channel: str, config: Config, *, capture_only: bool) -> type[Transport]:
    """What carries messages of a channel: what is configured for it, else capture. capture_only: nothing leaves."""
    fitting = [made for made in transports().values() if channel in made.carries and made.configured(config)]
    return fitting[0] if fitting and not capture_only else transports()["capture"]


__all__ = ["Transport", "choose", "transports"]
