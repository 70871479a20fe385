"""The small demo, made once for each engine and handed out as it is: making it takes seconds."""

from __future__ import annotations

from engine.config import Config
from engine.service import demo
from engine.store import Store
from tests.conftest import NOW

CONFIG = Config(secret=b"0123456789abcdef0123456789abcdef", smtp_url="smtp://127.0.0.1:9", mail_from="a@fernhill.example")


def make(store: Store) -> None:
    """The small demo in an empty workspace. The mail server of CONFIG does not exist: nothing may try it."""
    demo.create(store, CONFIG, now=NOW, small=True)
