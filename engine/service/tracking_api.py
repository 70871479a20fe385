"""`/v1/…` over HTTP: keys, sizes, JSON, and one clear line when something is wrong. `tracking.py` knows the format."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .. import access, clock
from ..activity.inbox import Item
from ..errors import BadInput, Busy, Conflict, NotFound
from ..journeys.enrolling import open_journey
from ..store import Store
from .tracking import BATCH_BYTES, ITEM_BYTES, KINDS, Translated, enrollments, translate
from .web import Put

# The short forms are what Segment's browser library posts to.
PATHS = {kind: kind for kind in (*KINDS, "batch")} | {
    "t": "track", "i": "identify", "p": "page", "s": "screen", "g": "group", "a": "alias", "b": "batch", "import": "batch"}
KEY_SECONDS = 10  # how long a look-up of a write key is believed; a revoked key works no longer than this
_KEYS = 10_000
CORS = {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Methods": "POST, OPTIONS",
        "Access-Control-Allow-Headers": "Authorization, Content-Type, Content-Encoding", "Access-Control-Max-Age": "86400"}


class Answer(Exception):
    """A request that ends here."""

    def __init__(self, status: int, code: str, message: str) -> None:
        self.status, self.code = status, code
        super().__init__(message)


class TrackingApi:
    """One handler for all calls."""

    def __init__(self, store: Store, put: Put) -> None:
        self.store = store
        self.put = put
        self._keys: dict[str, tuple[bool, float]] = {}

    async def call(self, request: Request) -> Response:
        """POST /v1/{kind}"""
        try:
            return await self._call(request)
        except Answer as answer:
            return _json({"success": False, "code": answer.code, "message": str(answer)}, answer.status)
        except ClientDisconnect:
            return Response(status_code=400)

    async def _call(self, request: Request) -> Response:
        kind = PATHS.get(request.path_params["kind"])
        if kind is None:
            raise Answer(404, "unknown_call", f"there is no /v1/{request.path_params['kind'][:40]}: {', '.join(KINDS)}, batch")
        given = _basic_key(request)
        if given is not None:  # a stranger's body is not even read
            await self._check(given)
        document = _parsed(await body_of(request, BATCH_BYTES if kind == "batch" else ITEM_BYTES))
        if given is None:
            await self._check(_key_in(document))
        translated = _translated(document, kind)
        await self._keep(translated.items)
        return _json(_report(translated) if request.query_params.get("strict") in ("1", "true") else {"success": True})

    async def _check(self, key: str) -> None:
        known, until = self._keys.get(key, (False, 0.0))
        if clock.monotonic() > until:
            known = bool(key) and await run_in_threadpool(access.key_is_known, self.store, key)
            if len(self._keys) >= _KEYS:
                self._keys.clear()
            self._keys[key] = (known, clock.monotonic() + KEY_SECONDS)
        if not known:
            raise Answer(401, "unknown_key", "this write key is not known: make one with `python -m engine keys create NAME`")


    async def enroll(self, request: Request) -> Response:
        """POST /v1/journeys/{name}/enroll"""
        try:
            return await self._enroll(request)
        except Answer as answer:
            return _json({"success": False, "code": answer.code, "message": str(answer)}, answer.status)
        except ClientDisconnect:
            return Response(status_code=400)

    async def _enroll(self, request: Request) -> Response:
        given = _basic_key(request)
        if given is not None:
            await self._check(given)
        document = _parsed(await body_of(request, BATCH_BYTES))
        if given is None:
            await self._check(_key_in(document))
        name = request.path_params["name"]
        try:
            journey_id = await run_in_threadpool(open_journey, self.store, name)
            done = enrollments(document, journey_id)
        except NotFound:
            raise Answer(404, "unknown_journey", f"there is no journey {name[:100]!r}") from None
        except Conflict as error:
            raise Answer(409, "not_live", str(error)) from None
        except BadInput as error:
            raise Answer(400, "bad_request", str(error)) from None
        await self._keep(done.items)
        return _json(_report(done))

    async def _keep(self, items: list[Item]) -> None:
        try:
            await self.put(items)
        except Exception as error:
            raise Answer(503, "busy", str(error) if isinstance(error, Busy) else "the inbox can not be written") from error


def routes(store: Store, put: Put) -> list[Route]:
    """All calls, and what a browser asks before it makes one."""
    api = TrackingApi(store, put)
    return [Route("/v1/journeys/{name}/enroll", api.enroll, methods=["POST"]),
            Route("/v1/journeys/{name}/enroll", _preflight, methods=["OPTIONS"]),
            Route("/v1/{kind}", api.call, methods=["POST"]),
            Route("/v1/{kind}", _preflight, methods=["OPTIONS"])]


async def _preflight(_: Request) -> Response:
    return Response(status_code=204, headers=CORS)


def _report(done: Translated) -> dict[str, Any]:
    errors = [{"index": one.index, "code": one.code, "message": one.message} for one in done.refusals]
    return {"success": not errors, "accepted": len(done.items) - len(errors), "errors": errors}


def _translated(document: dict[str, Any], kind: str) -> Translated:
    try:
        return translate(document, kind)
    except BadInput as error:
        raise Answer(400, "bad_request", str(error)) from None


# ------------------------------------------------------------ reading a request


def _basic_key(request: Request) -> str | None:
    """The user name of Basic authentication, None where there is none."""
    scheme, _, coded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return base64.b64decode(coded, validate=True).decode().partition(":")[0]
    except (binascii.Error, UnicodeDecodeError):
        raise Answer(401, "unknown_key", "the Authorization header can not be read") from None


def _key_in(document: dict[str, Any]) -> str:
    key = document.get("writeKey")
    if not isinstance(key, str):
        raise Answer(401, "no_key", "a write key is needed: Basic authentication with the key as user, or `writeKey`")
    return key


async def body_of(request: Request, most: int) -> bytes:
    """What was sent, unpacked. Raises Answer: larger than `most`."""
    return unpacked(request, await sent_in(request, most), most)


async def sent_in(request: Request, most: int) -> bytes:
    """The very bytes that were sent. Raises Answer: larger than `most`."""
    if int(request.headers.get("content-length") or 0) > most:
        raise _too_large(most)
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise _too_large(most)
        parts.append(part)
    return b"".join(parts)


def unpacked(request: Request, body: bytes, most: int) -> bytes:
    """The body itself where it came as gzip. Raises Answer: no gzip, or larger than `most`."""
    if request.headers.get("content-encoding", "").lower() != "gzip":
        return body
    opener = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        text = opener.decompress(body, most + 1)
    except zlib.error:
        raise Answer(400, "bad_gzip", "the body is not gzip") from None
    if len(text) > most:
        raise _too_large(most)
    if not opener.eof:
        raise Answer(400, "bad_gzip", "the gzip body is cut short")
    return text


def _too_large(most: int) -> Answer:
    return Answer(400, "too_large", f"the request is larger than {most // 1024} KB")


def _parsed(body: bytes) -> dict[str, Any]:
    document = json_in(body)
    if not isinstance(document, dict):
        raise Answer(400, "invalid_json", "the body is not a JSON object")
    return document


def json_in(body: bytes) -> Any:
    """The document of a body. Raises Answer with line and column."""
    try:
        document = json.loads(body, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise Answer(400, "invalid_json", f"not JSON at line {error.lineno}, column {error.colno}: {error.msg}") from None
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else "not UTF-8 text, or a number too long"
        raise Answer(400, "invalid_json", f"not JSON: {reason}") from None
    return document


def _refuse_constant(word: str) -> Any:
    raise Answer(400, "invalid_json", f"{word} is not JSON")


def _json(document: dict[str, Any], status: int = 200) -> Response:
    return JSONResponse(document, status_code=status, headers=CORS)
