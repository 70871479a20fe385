"""The way back after a login leads to a page of ours or nowhere."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from pages.widgets.way_back import COOKIE, LONGEST, Message, Receive, Send, WayBack

HOST = "http://throughline.example"


class Visit:
    """A browser with cookies, in front of the two addresses of Streamlit: each answers with the way to the bare address."""

    def __init__(self, base: str = "") -> None:
        self.base, self.cookies = base, dict[str, str]()
        self.app = WayBack(self._answer, base=lambda: base)

    async def _answer(self, scope: Message, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 302, "headers": [(b"location", f"{self.base}/".encode())]})
        await send({"type": "http.response.body", "body": b""})

    def leave(self, referer: str | None) -> str:
        return self.ask("/auth/login", {"referer": referer} if referer else {})

    def come(self, cookie: str | None = None) -> str:
        cookie = cookie or "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return self.ask("/oauth2callback", {"cookie": cookie})

    def ask(self, path: str, headers: dict[str, str]) -> str:
        """Where the answer leads to."""
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        async def receive() -> Message:
            return {"type": "http.request"}

        scope: Message = {"type": "http", "scheme": "https", "path": self.base + path,
                          "headers": [(name.encode(), value.encode()) for name, value in headers.items()]}
        with ThreadPoolExecutor(1) as other:  # a browser test of this process may have left a loop in its own thread
            other.submit(asyncio.run, self.app(scope, receive, send)).result()
        found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        if said := found.get("set-cookie"):
            assert said.endswith("; Path=/; HttpOnly; SameSite=Lax; Secure") or "Max-Age=0" in said
            name, value = said.split(";")[0].split("=", 1)
            self.cookies = {name: value} if "Max-Age=0" not in said else {}
        return found["location"]


@pytest.mark.parametrize("base", ["", "/marketing"])
def test_one_comes_back_to_the_address_one_left(base: str) -> None:
    visit = Visit(base)
    assert visit.leave(f"{HOST}{base}/contacts?contact=1&show=facts") == f"{base}/"
    assert visit.ask("/elsewhere", {}) == f"{base}/"
    assert visit.come() == f"{base}/contacts?contact=1&show=facts"
    assert visit.come() == f"{base}/"  # once only


@pytest.mark.parametrize("came", [
    None, f"{HOST}/", f"{HOST}/start", f"{HOST}/media/x", f"{HOST}//evil.example/contacts", "https://evil.example",
    f"{HOST}/contacts/../../etc", f"{HOST}/contacts?x=" + "a" * LONGEST, "http://[broken/contacts"])
def test_an_address_that_is_no_page_is_not_kept(came: str | None) -> None:
    visit = Visit()
    visit.leave(f"{HOST}/contacts")
    visit.leave(came)
    assert visit.come() == "/"


@pytest.mark.parametrize("made", ["https%3A%2F%2Fevil.example%2F", "%2F%2Fevil.example%2Fcontacts", "%FF", "\"", "=;=",
                                  "%2Fcontacts%3Fa%3D1%0D%0ASet-Cookie%3A+x%3D1", "%2Fcontacts%2F..%2F%2Fevil"])
def test_a_cookie_that_somebody_made_up_leads_to_no_other_site(made: str) -> None:
    assert Visit().come(f"{COOKIE}={made}") in ("/", "/contacts", "/contacts?a=1Set-Cookie:+x=1")
