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
    """What carries messages of a channel. Where nothing at all is configured, or with capture_only, it is capture; where other
    channels do leave and this one has no way out, its messages fail and say so."""
    ready = [made for made in transports().values() if made.carries and made.configured(config)]
    if capture_only or not ready:
        return transports()["capture"]
    return next((made for made in ready if channel in made.carries), transports()["none"])


__all__ = ["Transport", "choose", "transports"]
