"""A small identity provider: discovery, a page to choose who one is, and tokens signed with RS256."""

from __future__ import annotations

import html
import secrets
import socket
import threading
import time
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Route

CLIENT, SECRET = "throughline", "a client's secret"


class Provider:
    """Knows the people it was given: what it says of each, by name."""

    def __init__(self, people: dict[str, dict[str, Any]], issuer: str) -> None:
        self.people, self.issuer = people, issuer
        self.key = RSAKey.generate_key(2048, {"kid": "one"})
        self.codes: dict[str, tuple[str, str]] = {}  # code -> who, nonce

    def discovery(self, _: Request) -> JSONResponse:
        return JSONResponse({
            "issuer": self.issuer, "authorization_endpoint": f"{self.issuer}/authorize", "jwks_uri": f"{self.issuer}/jwks",
            "token_endpoint": f"{self.issuer}/token", "response_types_supported": ["code"],
            "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": ["openid", "email", "profile"]})

    def jwks(self, _: Request) -> JSONResponse:
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    def authorize(self, request: Request) -> HTMLResponse:
        asked = request.query_params
        assert asked["client_id"] == CLIENT and asked["response_type"] == "code" and "openid" in asked["scope"]
        links = []
        for who in self.people:
            code = secrets.token_urlsafe(16)
            self.codes[code] = who, asked.get("nonce", "")
            back = html.escape(f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}")
            links.append(f'<p><a href="{back}">{html.escape(who)}</a></p>')
        return HTMLResponse(f"<h1>Who are you?</h1>{''.join(links)}")

    async def token(self, request: Request) -> JSONResponse:
        form = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        if _client(request, form) != (CLIENT, SECRET) or form.get("code") not in self.codes:
            return JSONResponse({"error": "invalid_grant"}, 400)
        who, nonce = self.codes.pop(form["code"])
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "sub": who, "iat": now, "exp": now + 600, "nonce": nonce,
                  **self.people[who]}
        signed = jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.key)
        return JSONResponse({"access_token": secrets.token_urlsafe(), "token_type": "Bearer", "expires_in": 600,
                             "id_token": signed})


def _client(request: Request, form: dict[str, str]) -> tuple[str, str]:
    """By which a program says who it is: in the head of the request, or in the form."""
    kind, _, word = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "basic":
        name, _, secret = b64decode(word).decode().partition(":")
        return unquote(name), unquote(secret)
    return form.get("client_id", ""), form.get("client_secret", "")


@contextmanager
def provider(people: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Its address while it listens."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        issuer = f"http://127.0.0.1:{listening.getsockname()[1]}"
        made = Provider(people, issuer)
        routes = [Route("/.well-known/openid-configuration", made.discovery), Route("/jwks", made.jwks),
                  Route("/authorize", made.authorize), Route("/token", made.token, methods=["POST"])]
        server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), log_level="error", access_log=False, ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        try:
            while not server.started:
                assert thread.is_alive(), "the identity provider did not start"
                time.sleep(0.01)
            yield issuer
        finally:
            server.should_exit = True
            thread.join(10)
