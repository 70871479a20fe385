"""The page behind a confirm link (double opt-in). Looking changes nothing: scanners follow links, people press buttons."""

from __future__ import annotations

import html
import logging
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .. import clock
from ..access import moment
from ..activity.inbox import Item
from ..config import Config
from ..content import links
from ..errors import Conflict
from ..outreach import opt_in
from ..outreach.opt_in import Question
from ..store import Store
from .web import Put, client_ip, page_of

LARGEST_FORM = 1_000
YES, NO = "You are signed up", "Nothing will be sent"
THANKS = "Thank you. You can leave again at any time: every mail has a link for it."
SORRY = "You will get no marketing email from us. We are sorry for the trouble."
OLD = "This link has expired. Sign up again, and you will get a new one."
_FORM = """<form method="post"><button type="submit" name="answer" value="yes">Yes, write to me</button>
<button type="submit" name="answer" value="no" style="background:none;color:#6e6e73">No, I did not ask for this</button>
</form>"""
log = logging.getLogger(__name__)


class Confirming:
    """The two sides of a confirm link."""

    def __init__(self, store: Store, config: Config, put: Put) -> None:
        self.store, self.secret, self.put = store, config.secret, put

    async def page(self, request: Request) -> Response:
        """GET /y/{token}: asks, and changes nothing."""
        found = await self._question(request)
        return _as_it_stands(found) if found else _not_valid()

    async def answer(self, request: Request) -> Response:
        """POST /y/{token}: yes, unless the body says no."""
        found = await self._question(request)
        if found is None:
            return _not_valid()
        body = (await request.body())[:LARGEST_FORM].decode("utf-8", "replace")
        said_no = parse_qs(body).get("answer") == ["no"]
        try:
            fresh = await run_in_threadpool(self._write, found, said_no, client_ip(request))
        except Conflict:
            return page_of("This link has expired", OLD, status=410)
        except Exception:
            log.exception("the answer of contact %s could not be written", found.contact_id)
            return page_of("Please try again", "This could not be written down just now. Try again in a minute.", _FORM, 503)
        await self._tell(found, said_no, fresh)
        return page_of(NO, SORRY) if said_no else page_of(YES, THANKS)

    def _write(self, question: Question, said_no: bool, ip: str | None) -> bool:
        answer = opt_in.decline if said_no else opt_in.confirm
        return answer(self.store, question, ip=ip, now=moment(self.store, clock.now()))

    async def _tell(self, question: Question, said_no: bool, fresh: bool) -> None:
        """Journeys hear of it; the ledger has it already, so that losing the event loses no consent."""
        name = "email_unsubscribed" if said_no else "subscribed"
        payload = {"message_id": question.message_id, "contact_id": question.contact_id, "event": name,
                   "object": question.topic or None, "source": "collector"}
        try:
            if fresh:
                await self.put([Item("track", f"{name}:{question.message_id}", payload)])
        except Exception:
            log.exception("the event %s of contact %s is lost: the inbox can not be written", name, question.contact_id)

    async def _question(self, request: Request) -> Question | None:
        message_id = links.read_confirm(self.secret, request.path_params["token"])
        now = moment(self.store, clock.now())
        return await run_in_threadpool(lambda: opt_in.find_question(self.store, message_id, now=now)) if message_id else None


def routes(store: Store, config: Config, put: Put) -> list[Route]:
    """The confirm link."""
    side = Confirming(store, config, put)
    return [Route(links.CONFIRM + "{token}", side.page), Route(links.CONFIRM + "{token}", side.answer, methods=["POST"])]


def _as_it_stands(question: Question) -> Response:
    if question.state == "expired":
        return page_of("This link has expired", OLD, status=410)
    if question.state == "confirmed":
        return page_of(YES, THANKS)
    said = html.escape(question.text_shown)
    return page_of("May we write to you?", f"You were shown: <em>{said}</em>", _FORM)


def _not_valid() -> Response:
    return page_of("This link is not valid", "It is damaged, or not ours.", status=404)
