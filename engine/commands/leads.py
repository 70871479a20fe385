"""`leads` and `routing`: what lies on the desks of sales, and who gets whom."""

from __future__ import annotations

import json
from dataclasses import replace

import click

from ..audience import routing as rooms
from ..clock import DAY, in_words, iso, parse_duration, parse_moment
from ..errors import BadInput, NotFound
from ..loop.coming import Coming, coming
from ..maths.working import WorkingHours
from ..people import contacts
from ..store import Store
from .common import Call, Command, Group, read_json, read_text, takes_call

_task = click.argument("lead", type=int)


@click.group("leads", cls=Group)
def leads() -> None:
    """What sales has to answer: accept, reject with a reason, snooze, call."""


@leads.command("queue", cls=Command)
@click.option("--rep", metavar="EMAIL", help="whose; without it the fallback queue")
@takes_call
def queue(call: Call, rep: str | None) -> None:
    """Open leads of a rep, or of the fallback queue, the most promising first."""
    with call.store() as store:
        found = rooms.queue(store, _rep(store, rep).email if rep else None, now=call.now)
    call.answer(found, *(f"{one.id}  {one.who or one.name}  score {one.score}, priority {one.priority:g}, answer by "
                         f"{iso(one.due_at) or 'nobody has it'}: {one.why}. {one.action}." for one in found),
                *([] if found else ["nothing waits"]))


@leads.command("brief", cls=Command)
@click.argument("email")
@takes_call
def brief(call: Call, email: str) -> None:
    """Before a call: the score with its reasons, the last five touches, what leaves next, and whether marketing waits."""
    with call.store() as store:
        who = contacts.must_find(store, email)
        found, known, ahead = contacts.get(store, who), rooms.brief(store, who), coming(store, who)
    held = known.held_until if known.held_until and known.held_until > call.now else None
    call.answer({"score": found.fit_score + found.engagement_score, "stage": found.stage, "owner": found.owner,
                 "held_until": iso(held),
                 "reasons": [{"points": one.points, "reason": one.reason, "at": iso(one.at)} for one in known.entries],
                 "touches": [{"at": iso(one.at), "text": one.text} for one in known.touches],
                 "messages": [vars(one) | {"at": iso(one.at)} for one in ahead]},
                f"score {found.fit_score + found.engagement_score}, stage {found.stage or 'none'}, "
                f"owner {found.owner or 'nobody'}", *([f"marketing waits until {iso(held)}"] if held else []),
                *(f"{one.points:+d}  {one.reason}" for one in known.entries),
                *(f"{iso(one.at)}  {one.text}" for one in known.touches), *(_ahead(one) for one in ahead[:3]))


def _ahead(one: Coming) -> str:
    unless = f", unless they do what is waited for ({one.unless})" if one.unless else ""
    return f"next: {one.channel} {one.template!r}, {iso(one.at)}{unless}"


@leads.command("hand-over", cls=Command)
@click.argument("email")
@click.option("--why", default="by hand", help="what the rep reads")
@takes_call
def hand_over(call: Call, email: str, why: str) -> None:
    """Hand a contact to sales; the routes decide who gets it."""
    with call.store() as store:
        done = rooms.hand_over(store, contacts.must_find(store, email), why, by=call.by, now=call.now)
    call.answer({"handed": done}, "handed over" if done else "is with sales already")


@leads.command("accept", cls=Command)
@_task
@takes_call
def accept(call: Call, lead: int) -> None:
    """Accept a lead: its contact enters the stage sal."""
    with call.store() as store:
        rooms.accept(store, lead, by=call.by, now=call.now)
    call.answer({"lead": lead, "status": "accepted"}, "accepted")


@leads.command("reject", cls=Command)
@_task
@click.argument("reason", type=click.Choice(list(rooms.REASONS)))
@click.option("--note", default="", help="what marketing should know")
@takes_call
def reject(call: Call, lead: int, reason: str, note: str) -> None:
    """Give a lead back to marketing, with a reason."""
    with call.store() as store:
        rooms.reject(store, lead, reason, note, by=call.by, now=call.now)
    call.answer({"lead": lead, "status": "rejected", "reason": reason}, f"rejected: {rooms.REASONS[reason][0]}")


@leads.command("snooze", cls=Command)
@_task
@click.argument("span", metavar="DURATION")
@takes_call
def snooze(call: Call, lead: int, span: str) -> None:
    """Put a lead aside for a while, such as 2d; its deadline moves along."""
    with call.store() as store:
        until = call.now + parse_duration(span)
        rooms.snooze(store, lead, until, by=call.by, now=call.now)
    call.answer({"lead": lead, "until": iso(until)}, f"back in the queue {iso(until)}")


@leads.command("finish", cls=Command)
@_task
@takes_call
def finish(call: Call, lead: int) -> None:
    """An accepted lead is dealt with: its place in the rep's capacity is free."""
    with call.store() as store:
        rooms.finish(store, lead, by=call.by, now=call.now)
    call.answer({"lead": lead, "status": "done"}, "done")


@leads.command("calling-today", cls=Command)
@click.argument("email")
@takes_call
def calling_today(call: Call, email: str) -> None:
    """Keep marketing away from a contact whom sales is calling today."""
    with call.store() as store:
        until = rooms.call_today(store, contacts.must_find(store, email), by=call.by, now=call.now)
    call.answer({"held_until": iso(until)}, f"marketing waits until {iso(until)}")


@leads.command("log-call", cls=Command)
@click.argument("email")
@click.argument("outcome")
@click.option("--note", default="", help="what was said")
@takes_call
def log_call(call: Call, email: str, outcome: str, note: str) -> None:
    """Note a call: reached, voicemail, no_answer or wrong_number."""
    with call.store() as store:
        rooms.log_call(store, contacts.must_find(store, email), outcome, note, by=call.by, now=call.now)
    call.answer({"outcome": outcome}, "noted")


@leads.command("report", cls=Command)
@click.option("--since", metavar="ISO|EPOCH", help="default: 30 days ago")
@takes_call
def report(call: Call, since: str | None) -> None:
    """Per rep: leads, answers, time to answer and share against the fair share; why leads came back."""
    with call.store() as store:
        begin = parse_moment(since) if since else call.now - 30 * DAY
        reps, reasons = (json.loads(make(store, since=begin, until=call.now + 1).to_json(orient="records"))
                         for make in (rooms.acceptance, rooms.refusals))
    call.answer({"reps": reps, "refusals": reasons},
                *(f"{one['rep']}: {one['leads']} leads, {one['accepted']} accepted, {one['rejected']} rejected, "
                  f"{one['breached']} not answered in time" for one in reps),
                *(f"{one['reason']}: {one['leads']} ({one['why']})" for one in reasons), *([] if reps else ["no reps yet"]))


@click.group("routing", cls=Group)
def routing() -> None:
    """Who of sales gets whom: reps, routes, and where somebody would go."""


@routing.command("test", cls=Command)
@click.argument("email")
@takes_call
def test(call: Call, email: str) -> None:
    """Where would this contact go now, and why? Changes nothing."""
    with call.store() as store:
        found = rooms.choose(store, contacts.must_find(store, email), now=call.now)
    seats = [{"rep": one.rep.email, "load": one.load, "at_work": one.at_work, "against": one.against}
             for one in found.considered]
    call.answer({"rep": found.rep.email if found.rep else None, "route": found.route, "why": found.sentence, "reps": seats},
                f"to {found.rep.name if found.rep else 'the fallback queue'}: {found.sentence}",
                *(f"{one['rep']}  {one['load']} leads, {'at work' if one['at_work'] else 'not at work now'}"
                  + (f", {one['against']}" if one["against"] else "") for one in seats))


@routing.command("reps", cls=Command)
@takes_call
def reps(call: Call) -> None:
    """Everybody who takes leads."""
    with call.store() as store:
        found = rooms.list_reps(store)
    call.answer(found, *(f"{one.email}  {one.name}, weight {one.weight}, capacity {one.capacity or 'any'}, {one.hours.zone}"
                         for one in found), *([] if found else ["nobody yet: `routing rep EMAIL`"]))


@routing.command("rep", cls=Command)
@click.argument("email")
@click.option("--name", help="as the owner of contacts is written")
@click.option("--weight", type=int, help="shares compared with the others'")
@click.option("--capacity", type=int, help="leads at a time; -1: any number")
@click.option("--zone", help="time zone, such as Europe/Berlin")
@click.option("--hours", metavar="HH:MM-HH:MM", help="when they work")
@click.option("--days", help="weekdays, 0 (Monday) to 6, such as 0,1,2,3,4")
@click.option("--away", metavar="FROM/UNTIL", help="on leave between two moments; - ends it")
@takes_call
def rep_(call: Call, email: str, **given: str | int | None) -> None:
    """Add somebody who takes leads, or change what is given."""
    with call.store() as store:
        old = next((one for one in rooms.list_reps(store) if one.email == email.strip().lower()), rooms.Rep(email, ""))
        made = rooms.save_rep(store, _changed(old, given), by=call.by, now=call.now)
    call.answer(made, f"{made.name}: weight {made.weight}, capacity {'any' if made.capacity is None else made.capacity}")


@routing.command("remove-rep", cls=Command)
@click.argument("email")
@takes_call
def remove_rep(call: Call, email: str) -> None:
    """Take somebody off; their open leads go to others with the next tick."""
    with call.store() as store:
        rooms.remove_rep(store, email, by=call.by, now=call.now)
    call.answer({"removed": email}, "removed")


@routing.command("routes", cls=Command)
@takes_call
def routes(call: Call) -> None:
    """The routes in the order in which they are asked."""
    with call.store() as store:
        found = rooms.list_routes(store)
    call.answer(found, *(f"{one.place}  {one.name}: {one.sentence} → {', '.join(one.reps) or 'everybody'}" for one in found),
                *([] if found else ["none: everybody takes turns"]))


@routing.command("route", cls=Command)
@click.argument("name")
@click.option("--rule", "rule_file", metavar="FILE", help="a rule as JSON; - reads standard input; without it everybody")
@click.option("--rep", "to", multiple=True, metavar="EMAIL", help="who takes turns; without it everybody")
@click.option("--place", type=int, help="the first that matches decides")
@takes_call
def route(call: Call, name: str, rule_file: str | None, to: tuple[str, ...], place: int | None) -> None:
    """Make or change a route: a territory, a product, a size."""
    rule = read_json(read_text(rule_file), rule_file) if rule_file else None
    with call.store() as store:
        made = rooms.save_route(store, name, rule, to, place=place, by=call.by, now=call.now)
    call.answer(made, f"{made.place}  {made.name}: {made.sentence} → {', '.join(made.reps) or 'everybody'}")


@routing.command("remove-route", cls=Command)
@click.argument("name")
@takes_call
def remove_route(call: Call, name: str) -> None:
    """Take a route away."""
    with call.store() as store:
        rooms.remove_route(store, name, by=call.by, now=call.now)
    call.answer({"removed": name}, "removed")


@routing.command("policy", cls=Command)
@click.option("--stage", "stages", multiple=True, help="entering it hands a contact over")
@click.option("--accept-within", metavar="DURATION", help="of working time")
@click.option("--hold", metavar="DURATION", help="how long calling today keeps marketing away")
@takes_call
def policy(call: Call, stages: tuple[str, ...], accept_within: str | None, hold: str | None) -> None:
    """Show when contacts are handed over and by when an answer is due, or change it."""
    with call.store() as store:
        found = rooms.policy(store)
        wanted = rooms.Policy(stages or found.stages,
                              parse_duration(accept_within) if accept_within else found.accept_within_s,
                              parse_duration(hold) if hold else found.hold_s)
        if wanted != found:
            rooms.save_policy(store, wanted, by=call.by, now=call.now)
    call.answer(wanted, f"entering {' or '.join(wanted.stages)} hands over; an answer within "
                        f"{in_words(wanted.accept_within_s)} of work; a hold of {in_words(wanted.hold_s)}")


def _rep(store: Store, who: str) -> rooms.Rep:
    found = rooms.rep_of(store, who)
    if found is None:
        raise NotFound(f"no rep {who!r}: `routing reps` lists them")
    return found


def _changed(rep: rooms.Rep, given: dict[str, str | int | None]) -> rooms.Rep:
    hours = rep.hours
    if span := given["hours"]:
        opens, _, shuts = str(span).partition("-")
        hours = replace(hours, opens_s=_second(opens), shuts_s=_second(shuts))
    if days := given["days"]:
        if wrong := [day for day in str(days).split(",") if not day.strip().isdigit()]:
            raise BadInput(f"weekday {wrong[0]!r}: write numbers from 0 (Monday) to 6, such as 0,1,2")
        hours = replace(hours, weekdays=tuple(int(day) for day in str(days).split(",")))
    hours = WorkingHours(str(given["zone"] or hours.zone), hours.opens_s, hours.shuts_s, hours.weekdays)
    room = given["capacity"]
    weight = rep.weight if given["weight"] is None else int(given["weight"])
    return replace(rep, name=str(given["name"] or rep.name), weight=weight, hours=hours,
                   capacity=rep.capacity if room is None else None if room == -1 else int(room),
                   away=_away(str(given["away"])) if given["away"] else rep.away)


def _away(text: str) -> tuple[int, int] | None:
    if text == "-":
        return None
    begin, sign, end = text.partition("/")
    if not sign:
        raise BadInput(f"away {text!r}: write two moments with / between, such as 2026-08-01/2026-08-15")
    return parse_moment(begin), parse_moment(end)


def _second(text: str) -> int:
    hour, _, minute = text.strip().partition(":")
    if not (hour.isdigit() and minute.isdigit() and int(hour) <= 24 and int(minute) < 60):
        raise BadInput(f"hours {text!r}: write them as 09:00-17:00")
    return int(hour) * 3_600 + int(minute) * 60


COMMANDS = (leads, routing)
