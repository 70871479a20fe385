"""How people went through each of the five journeys: the same nodes and limits as the files in `content/`."""

from __future__ import annotations

from collections.abc import Callable

from ...clock import DAY
from .walks import Happening, Letter, Walk

EBOOK_SALT, EBOOK_ARMS = "ebook offer", {"plain": 50, "personal": 50}
WEBINAR_SALT, WEBINAR_ARMS = "webinar sender", {"team": 50, "same_team": 50}
PRICING_SALT, PRICING_ARMS = "pricing holdout", {"treated": 80, "holdout": 20}
TOUR_SALT, TOUR_ARMS = "onboarding tour", {"short": 50, "long": 50}


def _send(walk: Walk, node: str, template: str, path: str, *, surely: bool = False) -> Letter:
    keen = walk.person.keen
    return walk.send(node, template, opens=0.35 + 0.45 * keen, clicks=0.2 + 0.5 * keen, path=path, surely=surely)


def welcome(walk: Walk) -> None:
    """Clicked: highly engaged and an ebook; not: a story, and once more."""
    hello = _send(walk, "hello", "welcome", "https://fernhill.example/blog/first-numbers")
    if walk.wait_click("clicked", hello, 2 * DAY):
        walk.tag("engaged", "high engagement")
        walk.wait("pause", 2 * DAY)
        _offer(walk)
        return
    story = _send(walk, "story", "testimonial", "https://fernhill.example/stories/okafor")
    if walk.wait_click("clicked2", story, 2 * DAY):
        _offer(walk)
        return
    walk.tag("low", "low engagement")
    walk.exit("done", "finished")


def _offer(walk: Walk) -> None:
    _send(walk, "ebook", "ebook_offer", "https://fernhill.example/ebook/handbook")
    walk.exit("done", "finished")


def ebook(walk: Walk) -> None:
    """Three mails at most; a click makes it short."""
    walk.wait("rest", DAY)
    if walk.split("offer", EBOOK_SALT, EBOOK_ARMS) == "plain":
        thanks = _send(walk, "thanks", "ebook_thanks", "https://fernhill.example/blog/after-the-ebook")
    else:
        thanks = _send(walk, "thanks_personal", "ebook_thanks_personal", "https://fernhill.example/demo")
    hot = walk.wait_click("clicked", thanks, 2 * DAY)
    if not hot:
        case = _send(walk, "case", "case_study", "https://fernhill.example/stories/case")
        hot = walk.wait_click("clicked2", case, 4 * DAY)
    if hot:
        walk.score("hot", 20, "clicked in the ebook nurture")
    _send(walk, "call", "demo_invite", "https://fernhill.example/demo")
    walk.exit("done", "finished")


def webinar(paper: Happening | None) -> Callable[[Walk], None]:
    """The recording, then a week for the white paper."""

    def walk_it(walk: Walk) -> None:
        node = {"team": "recording", "same_team": "recording_copy"}[walk.split("sender", WEBINAR_SALT, WEBINAR_ARMS)]
        _send(walk, node, "webinar_recording", "https://fernhill.example/webinar/recording")
        if walk.wait_event("read", paper, 7 * DAY):
            if walk.condition("keen", walk.person.industry == "healthcare"):
                walk.tag("hurry", "healthcare", "call now")
            walk.score("points", 15, "webinar and white paper")
        walk.exit("done", "finished")

    return walk_it


def pricing(buys: bool) -> Callable[[Walk], None]:
    """Whoever is going to buy anyway also clicks: that is what makes its credit look good."""

    def walk_it(walk: Walk) -> None:
        if walk.split("holdout", PRICING_SALT, PRICING_ARMS) == "holdout":
            walk.exit("unsent", "held out")
            return
        walk.score("warm", 10, "looked at pricing twice in a week")
        consult = _send(walk, "consult", "consultation", "https://fernhill.example/consultation", surely=buys)
        if walk.wait_click("clicked", consult, 3 * DAY):
            walk.tag("hand", "hand to sales")
        walk.exit("done", "finished")

    return walk_it


def onboarding(used: bool) -> Callable[[Walk], None]:
    """A tour; who has used nothing after three days gets the first steps."""

    def walk_it(walk: Walk) -> None:
        if walk.split("tour", TOUR_SALT, TOUR_ARMS) == "short":
            _send(walk, "aboard", "aboard", "https://fernhill.example/tour/short")
        else:
            _send(walk, "aboard_long", "aboard_long", "https://fernhill.example/tour/long")
        walk.wait("settle", 3 * DAY)
        if not walk.condition("used", used):
            _send(walk, "help", "first_steps", "https://fernhill.example/tour/first-steps")
        walk.exit("done", "finished")

    return walk_it
