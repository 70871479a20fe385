"""`/h/{key}` over HTTP: somebody else's tool posts its JSON, each thing in it is answered for."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .. import clock
from ..access import moment, setting
from ..errors import BadInput, Busy
from ..store import Store
from . import hooks
from .hooks import Hook, Outcome
from .tracking_api import Answer, body_of, json_in
from .web import Put

KEY_SECONDS, _KEYS = 10, 10_000  # how long a look-up is believed; how many are remembered


class HookApi:
    """One handler for all webhooks."""

    def __init__(self, store: Store, put: Put) -> None:
        self.store, self.put = store, put
        self._known: dict[str, tuple[Hook | None, float]] = {}

    async def call(self, request: Request) -> Response:
        """POST /h/{key}: 200 with what became of it; one bad thing in a list does not turn the others away."""
        try:
            hook = await self._hook(str(request.path_params["key"]))
            document = json_in(await body_of(request, hooks.BODY_BYTES))
            done = await run_in_threadpool(self._translate, hook, document)
            await self._keep(done)
        except Answer as answer:
            return JSONResponse({"success": False, "code": answer.code, "message": str(answer)}, answer.status)
        except ClientDisconnect:
            return Response(status_code=400)
        errors = [{"index": one.index, "message": one.message} for one in done.faults]
        return JSONResponse({"success": not errors, "accepted": len(done.said) - len(errors), "errors": errors})

    def _translate(self, hook: Hook, document: object) -> Outcome:
        try:
            return hooks.translate(document, hook.mapping, hook.name, currency=str(setting(self.store, "currency", "USD")),
                                   now=moment(self.store, clock.now()))
        except BadInput as error:
            raise Answer(400, "bad_payload", str(error)) from None

    async def _keep(self, done: Outcome) -> None:
        try:
            await self.put(done.items)
        except Exception as error:
            raise Answer(503, "busy", str(error) if isinstance(error, Busy) else "the inbox can not be written") from error

    async def _hook(self, key: str) -> Hook:
        found, until = self._known.get(key, (None, 0.0))
        if clock.monotonic() > until:
            found = await run_in_threadpool(hooks.find_by_key, self.store, key)
            if len(self._known) >= _KEYS:
                self._known.clear()
            self._known[key] = (found, clock.monotonic() + KEY_SECONDS)
        if found is None:
            raise Answer(404, "unknown_hook", "this webhook is not known, or no longer")
        return found


def routes(store: Store, put: Put) -> list[Route]:
    """The URL of every webhook."""
    return [Route(hooks.PATH + "{key}", HookApi(store, put).call, methods=["POST"])]
