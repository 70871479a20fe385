"""`/h/{key}` over HTTP: somebody else's tool posts its JSON, each thing in it is answered for."""

from __future__ import annotations

import logging
import re

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .. import clock
from ..access import moment, setting
from ..config import Config
from ..errors import BadInput, Busy
from ..store import Store
from . import hook_signing, hooks
from .hook_signing import Unsigned
from .hooks import Hook, Outcome
from .tracking_api import Answer, json_in, sent_in, unpacked
from .web import Put

KEY_SECONDS, _KEYS = 10, 10_000  # how long a look-up is believed; how many are remembered
NOTE_SECONDS = 60  # so often one reason is written down: whoever hammers at the door fills no table
_KNOCK = re.compile(rb"webhook_id=\d{1,20}")  # WooCommerce, unsigned, once: it wants to hear 200 before it sends orders
log = logging.getLogger(__name__)


class HookApi:
    """One handler for all webhooks."""

    def __init__(self, store: Store, config: Config, put: Put) -> None:
        self.store, self.config, self.put = store, config, put
        self._known: dict[str, tuple[Hook | None, float]] = {}
        self._noted: dict[tuple[int, str], float] = {}

    async def call(self, request: Request) -> Response:
        """POST /h/{key}: 200 with what became of it; one bad thing in a list does not turn the others away."""
        try:
            return JSONResponse(await self._call(request))
        except Answer as answer:
            return JSONResponse({"success": False, "code": answer.code, "message": str(answer)}, answer.status)
        except ClientDisconnect:
            return Response(status_code=400)

    async def _call(self, request: Request) -> dict[str, object]:
        hook = await self._hook(str(request.path_params["key"]))
        sent = await sent_in(request, hooks.BODY_BYTES)
        if _KNOCK.fullmatch(sent):
            return _report(Outcome([], [], []))
        secrets = await self._vouched(hook, request, sent)
        document = json_in(unpacked(request, sent, hooks.BODY_BYTES))
        if hook.signing and (answer := hook_signing.answer_to_question(hook.signing, document, secrets)):
            return dict(answer)
        done = await run_in_threadpool(self._translate, hook, document)
        await self._keep(done)
        return _report(done)

    async def _vouched(self, hook: Hook, request: Request, sent: bytes) -> list[str]:
        """The secrets, when the tool signed what was sent. Raises Answer; why stands under the webhook, too."""
        if hook.signing is None:
            return []
        try:
            secrets = await run_in_threadpool(hook_signing.secrets_of, hook.signing, self.config.database_url)
            hook_signing.vouch(hook.signing, request.headers, sent, secrets, now=clock.now())
        except Unsigned as error:
            await self._note(hook, str(error), request)
            raise Answer(401, "not_signed", str(error)) from None
        except BadInput as error:  # ours to mend: the tool may try again, and must not read where secrets lie
            await self._note(hook, str(error), request)
            raise Answer(503, "no_secret", "the secret of this webhook is not set up") from None
        return secrets

    async def _note(self, hook: Hook, reason: str, request: Request) -> None:
        """For the page. That it can not be written changes nothing for whoever posted."""
        if clock.monotonic() < self._noted.get((hook.id, reason), 0.0):
            return
        if len(self._noted) >= _KEYS:
            self._noted.clear()
        self._noted[hook.id, reason] = clock.monotonic() + NOTE_SECONDS
        try:
            await self.put([hooks.turned_away(hook, reason, request.headers.get("user-agent", ""))])
        except Exception:
            log.exception("webhook %s: %s", hook.name, reason)

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


def _report(done: Outcome) -> dict[str, object]:
    errors = [{"index": one.index, "message": one.message} for one in done.faults]
    return {"success": not errors, "accepted": len(done.said) - len(errors), "errors": errors}


def routes(store: Store, config: Config, put: Put) -> list[Route]:
    """The URL of every webhook."""
    return [Route(hooks.PATH + "{key}", HookApi(store, config, put).call, methods=["POST"])]
