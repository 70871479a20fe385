"""Many requests, one commit: each waits until what it brought is on disk, and all that came meanwhile go together."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ..activity import inbox
from ..errors import Busy
from ..store import Store

_MOST_WAITING = 50_000  # rows


class GroupCommit:
    """The one writer of a collector. Not for several event loops."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: list[tuple[list[dict[str, Any]], asyncio.Future[None]]] = []
        self._rows = 0
        self._task: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="inbox")
        self.failed: str | None = None  # why the last commit failed, None when it did not

    @property
    def waiting(self) -> int:
        """Rows that are not on disk yet."""
        return self._rows

    async def put(self, rows: list[dict[str, Any]]) -> None:
        """Return when the rows survive a power cut. Raises Busy when too many wait, and whatever the commit raised."""
        if self._rows > _MOST_WAITING:
            raise Busy(f"{self._rows} items wait to be written: try again in a moment")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._waiting.append((rows, done))
        self._rows += len(rows)
        if self._task is None or self._task.done():
            self._task = loop.create_task(self._drain())
        await done

    async def close(self) -> None:
        """Let what waits reach the disk."""
        if self._task:
            await self._task
        self._thread.shutdown()

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            batch, self._waiting = self._waiting, []
            rows = [row for brought, _ in batch for row in brought]
            error = await loop.run_in_executor(self._thread, self._commit, rows)
            self._rows -= len(rows)
            for _, done in batch:
                if not done.done():  # the client may have gone
                    done.set_exception(error) if error else done.set_result(None)

    def _commit(self, rows: list[dict[str, Any]]) -> Exception | None:
        try:
            inbox.write(self._store, rows, durable=True)
        except Exception as error:  # noqa: BLE001 - handed to every request that waits for this commit
            self.failed = str(error)
            return error
        self.failed = None
        return None
