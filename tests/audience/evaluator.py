"""What a rule means, said a second time in plain Python over plain data; and generators of rules and data.

Kept apart from the engine on purpose: only the SQL and this file know the meaning, and the tests hold them together.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise, product
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from engine.maths.assignment import bucket_of

DAY = 86_400
NOW = 1_790_000_000
FIELD_KINDS = {"Industry": "text", "Employees": "number", "Birthday": "date", "Seen": "datetime", "Size": "enum",
               "VIP": "bool", "Topics": "list", "first_name": "text"}
COMPANY_KINDS = {"employees": "number", "score": "number", "last_activity": "date", "roles": "list"}
ROLES = ("champion", "decision maker", "user")
SIZES = ("Small", "Größe L", "Large")
ZONES = ("Europe/Berlin", "America/Los_Angeles", "Pacific/Kiritimati", "Never/Learned")
TEMPLATES = {1: "Welcome", 2: "Welcome", 3: "News"}  # of the message with this id
NAMES = ("page_view", "purchase", "email_opened")
MONEY = (None, (0, "EUR"), (2_050, "EUR"), (5_000, "EUR"), (-1_000, "EUR"), (4_000, "JPY"))  # minor units
OBJECTS = (None, "/pricing", "/preise/größe", "a%b_c", "42")
STAGES = ("lead", "mql", "customer")
TAGS = ("vip", "Über", "never used")
LISTS = ("News", "Ärzte")
SEGMENTS = ("Hot", "Kalt ß")
PERSONAS = {"Doer": "Hot", "Chefin": "Kalt ß"}  # and the segment it is kept as
MODELS = ("buys",)
TOPICS = {"Guides": 10 * DAY}  # and the half-life
# Letters whose lower case is one letter, signs that mean something in LIKE and in JSON, and blanks.
WORDS = ("technology", "Technology", "TECH", "größe", "GRÖßE", "éva", "a%b", "a_b", "a\\b", 'say "hi"', "o'neil", "x, y",
         "日本", "Ω", " ", "5", "true", "ñandú")
MOMENTS = ("2026-09-20", "2026-09-21", "2026-09-21T13:33:20Z", "2026-01-01", "1969-12-31", "2024-02-29", "2000-09-28",
           "1990-09-22")
WINDOWS = ("1h", "1d", "7d", "30d")
NUMBERS = (0, 1, 2.5, 5, -3, 50, 200, 1_000_000)


@dataclass
class Person:
    id: int
    fields: dict[str, Any] = field(default_factory=dict)
    stage: str | None = None
    stages: list[tuple[str, int]] = field(default_factory=list)  # changes to a stage, and when
    zone: str | None = None
    created_at: int = 1
    employees: int | None = None  # of the account; None: no account
    company: dict[str, Any] = field(default_factory=dict)  # what the account is known for besides
    roles: set[str] = field(default_factory=set)
    scores: dict[str, int] = field(default_factory=lambda: {"fit": 0, "engagement": 0})
    tags: set[str] = field(default_factory=set)
    lists: set[str] = field(default_factory=set)
    segments: set[str] = field(default_factory=set)
    chance: tuple[float, float] | None = None  # probability, and the share from the top
    kappa: dict[str, float] = field(default_factory=dict)  # by topic: when its affinity is 1
    consent: list[tuple[str, str, str]] = field(default_factory=list)  # channel, topic, status; the last one holds
    events: list[dict[str, Any]] = field(default_factory=list)
    anonymous: bool = False

    @property
    def hash31(self) -> int:
        return self.id * 7919 + 12_345


# ------------------------------------------------------------ meaning


def matches(rule: Any, who: Person, now: int, upto: int | None = None) -> bool:
    if "last" in rule:
        return answered(rule, who, now, upto)
    if "all" in rule:
        return all(matches(part, who, now, upto) for part in rule["all"])
    if "any" in rule:
        return any(matches(part, who, now, upto) for part in rule["any"])
    if "not" in rule:
        return not matches(rule["not"], who, now, upto)
    if "field" in rule:
        kind = FIELD_KINDS[rule["field"]]
        return compare(who.fields.get(rule["field"]), kind, rule.get("op", "is"), rule.get("value"), now)
    if "tag" in rule:
        return small(rule["tag"]) in {small(tag) for tag in who.tags}
    if "list" in rule:
        return small(rule["list"]) in {small(name) for name in who.lists}
    if "segment" in rule:
        return small(rule["segment"]) in {small(name) for name in who.segments}
    if "stage" in rule:
        wanted = [rule["stage"]] if isinstance(rule["stage"], str) else rule["stage"]
        return who.stage is not None and small(who.stage) in {small(word) for word in wanted}
    if "consent" in rule:
        said = [row[2] for row in who.consent if row[:2] == (rule["consent"], rule.get("topic", ""))]
        return bool(said) and said[-1] == rule["is"]
    if "score" in rule:
        value = who.scores[rule["group"]] if "group" in rule else sum(who.scores.values())
        return compare(value, "number", rule["score"]["op"], rule["score"]["value"], now)
    if "time_in_stage" in rule:
        stage = rule["time_in_stage"]
        since = max((at for name, at in who.stages if name == stage and at <= now), default=who.created_at)
        return who.stage is not None and small(who.stage) == stage and in_range(now - since, rule["op"], seconds(rule["value"]))
    if "anniversary" in rule:
        return is_anniversary(who.fields[rule["anniversary"]], who.zone, rule.get("offset", "0d"), now)
    if "probability" in rule:
        if "top" in rule:
            return who.chance is not None and who.chance[1] <= rule["top"]
        return compare(who.chance[0] if who.chance else None, "number", rule["op"], rule.get("value"), now)
    if "affinity" in rule:
        kappa, half_life = who.kappa.get(rule["affinity"]), TOPICS[rule["affinity"]]
        return ((0 if kappa is None else 2 ** ((kappa - now) / half_life)) >= rule["value"]) == (rule["op"] == "at_least")
    if "persona" in rule:
        return bool({PERSONAS[name] for name in rule["persona"]} & who.segments)
    if "percent" in rule:
        return bucket_of(who.hash31, rule["salt"], 10_000) < round(rule["percent"] * 100)
    if "account" in rule:
        known = who.company | {"employees": who.employees}
        value = known.get(rule["account"]) if who.employees is not None else None
        return compare(value, COMPANY_KINDS[rule["account"]], rule["op"], rule.get("value"), now)
    if "buying_role" in rule:
        asked = rule["buying_role"]
        return bool(who.roles & ({asked} if isinstance(asked, str) else set(asked)))
    if "spent" in rule:
        return spent(rule, who, now, upto)
    if "sequence" in rule:
        return in_order(rule, who, now, upto)
    return happened(rule, who, now, upto)


def in_range(number: int, op: str, wanted: int) -> bool:
    return {"at_least": number >= wanted, "at_most": number <= wanted, "more_than": number > wanted,
            "less_than": number < wanted}[op]


def is_anniversary(born: int | None, zone: str | None, offset: str, now: int) -> bool:
    """Whether the day that is `offset` before today, on the person's calendar, is the day of the year."""
    if born is None:
        return False
    today = datetime.fromtimestamp(now, ZoneInfo(zone) if zone in ZONES[:-1] else UTC).date()
    day, first = today - timedelta(days=int(offset[:-1])), datetime(1970, 1, 1) + timedelta(seconds=born)
    leap = day.year % 4 == 0 and (day.year % 100 != 0 or day.year % 400 == 0)
    falls = (2, 28) if (first.month, first.day) == (2, 29) and not leap else (first.month, first.day)
    return (day.month, day.day) == falls


def these(filter_: Any, who: Person, now: int, upto: int | None) -> list[dict[str, Any]]:
    """Events of a filter up to now in the order in which they happened."""
    test = {"event": filter_} if isinstance(filter_, str) else filter_
    return sorted((e for e in who.events if e["name"] == test["event"] and e["verdict"] != "machine" and e["at"] <= now
                   and (upto is None or e["id"] <= upto)
                   and all(has(e, key, one, now) for key, one in test.get("where", {}).items())),
                  key=lambda e: (e["at"], e["id"]))


def answered(rule: Any, who: Person, now: int, upto: int | None) -> bool:
    """Each answer belongs to one message at most: say which, and look at the last few."""
    messages = these(rule["of"], who, now, upto)
    owned: set[int] = set()
    for answer in these(rule["all"] if "all" in rule else rule["any"], who, now, upto):
        named = [m for m in messages if answer["message"] is not None and m["message"] == answer["message"]]
        open_to = [m for m in messages if (answer["message"] is None or m["message"] is None) and m["at"] <= answer["at"]]
        alike = [m for m in messages if answer["object"] is not None and m["object"] == answer["object"]
                 and m["at"] <= answer["at"]]
        before = [m for m in messages if m["at"] <= answer["at"]]
        newest = (alike or before)[-1:]
        owned |= {m["id"] for m in named} | {m["id"] for m in newest if m in open_to}
    last = [m["id"] in owned for m in messages[-rule["last"]:]]
    return len(last) == rule["last"] and (all(last) if "all" in rule else any(last))


def in_order(rule: Any, who: Person, now: int, upto: int | None) -> bool:
    """Try every way in which the steps may be found."""
    steps = [these(step, who, now, upto) for step in rule["sequence"]]
    others = these(rule["without"], who, now, upto) if "without" in rule else []
    within = seconds(rule["within"]) if "within" in rule else None
    young = seconds(rule["completed_within"]) if "completed_within" in rule else None

    def moment(e: dict[str, Any]) -> tuple[int, int]:
        return e["at"], e["id"]

    def fits(found: tuple[dict[str, Any], ...]) -> bool:
        first, last = found[0], found[-1]
        done = last["at"]
        if any(moment(a) >= moment(b) for a, b in pairwise(found)):
            return False
        if len(found) == 1:
            done += within or 0
            between = [x for x in others if moment(x) > moment(first) and (within is None or x["at"] <= done)]
            in_time = done <= now
        else:
            between = [x for x in others if moment(first) < moment(x) < moment(last)]
            in_time = within is None or last["at"] - first["at"] <= within
        return in_time and not between and (young is None or done > now - young)

    return any(fits(found) for found in product(*steps))


def happened(rule: Any, who: Person, now: int, upto: int | None) -> bool:
    name = rule.get("event") or rule["days_since"]
    found = [e for e in who.events if e["name"] == name and e["verdict"] != "machine" and e["at"] <= now
             and (upto is None or e["id"] <= upto)
             and all(has(e, key, test, now) for key, test in rule.get("where", {}).items())]
    if "days_since" in rule:
        return bool(found) and counted((now - max(e["at"] for e in found)) // DAY, rule["op"], rule["value"])
    if "of" in rule:
        found = [e for e in found if TEMPLATES.get(e["message"]) == rule["of"]]
    if "within" in rule:
        found = [e for e in found if e["at"] > now - seconds(rule["within"])]
    return counted(len(found), rule.get("op", "at_least"), rule.get("count", 1))


def spent(rule: Any, who: Person, now: int, upto: int | None) -> bool:
    since = now - seconds(rule["within"]) if "within" in rule else None
    money = [e["money"] for e in these("purchase", who, now, upto) if since is None or e["at"] > since]
    paid = [minor / {"EUR": 100, "JPY": 1}[currency] for minor, currency in filter(None, money) if currency == rule["currency"]]
    found = sum(paid) / (len(paid) if rule["spent"] == "average" else 1) if paid else 0
    return (found >= rule["value"]) == (rule["op"] == "at_least")


def counted(number: int, op: str, wanted: int) -> bool:
    return {"at_least": number >= wanted, "at_most": number <= wanted, "exactly": number == wanted,
            "more_than": number > wanted, "less_than": number < wanted}[op]


def has(event: dict[str, Any], key: str, test: Any, now: int) -> bool:
    op, wanted = test.get("op", "is"), test.get("value")
    if key == "object":
        return compare(event["object"], "text", op, wanted, now)
    value = event["props"].get(key)
    if op in ("is_set", "is_not_set"):
        return (value is not None) == (op == "is_set")
    sample = wanted[0] if isinstance(wanted, list) else wanted
    for kind, python in (("bool", bool), ("number", (int, float)), ("text", str)):
        if isinstance(sample, python):
            same = isinstance(value, python) and isinstance(value, bool) == (kind == "bool")
            return same and compare(value, kind, op, wanted, now)
    raise AssertionError(test)


def compare(value: Any, kind: str, op: str, wanted: Any, now: int) -> bool:
    if op in ("is_set", "is_not_set"):
        return (value is not None) == (op == "is_set")
    if value is None:
        return False
    if kind in ("date", "datetime"):
        return in_time(value, op, wanted, now)
    if kind == "list":
        return small(wanted).strip() in {small(item) for item in value}
    if kind in ("text", "enum"):
        value, wanted = small(value), [small(one) for one in wanted] if isinstance(wanted, list) else small(wanted)
    if op == "between":
        return bool(wanted[0] <= value <= wanted[1])
    tests = {"is": lambda: value == wanted, "is_not": lambda: value != wanted, "in": lambda: value in wanted,
             "not_in": lambda: value not in wanted, "contains": lambda: wanted in value,
             "starts_with": lambda: value.startswith(wanted), "ends_with": lambda: value.endswith(wanted),
             "at_least": lambda: value >= wanted, "at_most": lambda: value <= wanted, "more_than": lambda: value > wanted,
             "less_than": lambda: value < wanted}
    return bool(tests[op]())


def in_time(value: int, op: str, wanted: Any, now: int) -> bool:
    if op == "within_last":
        return now - seconds(wanted) < value <= now
    first, last = day_or_moment(wanted[0] if op == "between" else wanted)
    last = day_or_moment(wanted[1])[1] if op == "between" else last
    return {"is": first <= value <= last, "between": first <= value <= last, "is_not": not first <= value <= last,
            "before": value < first, "less_than": value < first, "after": value > last, "more_than": value > last,
            "at_least": value >= first, "at_most": value <= last}[op]


def day_or_moment(word: str) -> tuple[int, int]:
    moment = datetime.fromisoformat(word)
    first = int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    return (first, first + DAY - 1) if len(word) == 10 else (first, first)


def seconds(word: str) -> int:
    return int(word[:-1]) * {"h": 3_600, "d": DAY}[word[-1]]


def small(word: str) -> str:
    return "".join(char.lower() for char in word)


# ------------------------------------------------------------ rules


def _one(ops: tuple[str, ...], values: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(lambda op, value: {"op": op, "value": value}, st.sampled_from(ops), values)


def _range(values: tuple[Any, ...], key: Any = None) -> st.SearchStrategy[dict[str, Any]]:
    pair = st.lists(st.sampled_from(values), min_size=2, max_size=2).map(lambda two: sorted(two, key=key))
    return pair.map(lambda two: {"op": "between", "value": two})


_KNOWN = st.sampled_from(("is_set", "is_not_set")).map(lambda op: {"op": op})
_words = st.sampled_from(WORDS)
_numbers = st.sampled_from(NUMBERS)
_many_words = st.lists(_words, min_size=1, max_size=3)
_text = st.one_of(_one(("is", "is_not", "contains", "starts_with", "ends_with"), _words), _one(("in", "not_in"), _many_words))
_number = st.one_of(_one(("is", "is_not", "at_least", "at_most", "more_than", "less_than"), _numbers),
                    _one(("in", "not_in"), st.lists(_numbers, min_size=1, max_size=3)), _range(NUMBERS))
_time = st.one_of(_one(("is", "is_not", "before", "after", "at_least", "at_most", "more_than", "less_than"),
                       st.sampled_from(MOMENTS)), _one(("within_last",), st.sampled_from(WINDOWS)),
                  _range(MOMENTS, key=lambda word: day_or_moment(word)[0]))
_BY_KIND = {"text": _text, "number": _number, "date": _time, "datetime": _time,
            "enum": st.one_of(_one(("is", "is_not"), st.sampled_from(SIZES)), _one(("contains", "starts_with"), _words)),
            "bool": _one(("is", "is_not"), st.booleans()), "list": _one(("contains",), _words.filter(str.strip))}
_fields = st.sampled_from(sorted(FIELD_KINDS)).flatmap(
    lambda name: st.one_of(_BY_KIND[FIELD_KINDS[name]], _KNOWN).map(lambda test: {"field": name} | test))
_objects = st.one_of(_one(("is", "is_not", "contains", "starts_with", "ends_with"), st.sampled_from(OBJECTS[1:])), _KNOWN)
_where = st.fixed_dictionaries({}, optional={"object": _objects, "plan": st.one_of(_text, _number, _BY_KIND["bool"], _KNOWN),
                                             'grö"ße\\n': st.one_of(_text, _number)})
_counts = st.fixed_dictionaries({"op": st.sampled_from(("at_least", "at_most", "exactly", "more_than", "less_than")),
                                 "count": st.integers(1, 3)}) | st.just({}) | st.just({"op": "at_most", "count": 0})
_events = st.builds(lambda name, where, count, within: {"event": name, "where": where} | count | within,
                    st.sampled_from(NAMES), _where, _counts,
                    st.sampled_from(WINDOWS).map(lambda w: {"within": w}) | st.just({}))
_of = st.builds(lambda event, of: event | {"of": of}, _events, st.sampled_from(("Welcome", "News")))
_in_stage = st.builds(lambda stage, op, value: {"time_in_stage": stage, "op": op, "value": value}, st.sampled_from(STAGES),
                      st.sampled_from(("at_least", "at_most", "more_than", "less_than")), st.sampled_from(WINDOWS))
_anniversary = st.builds(lambda name, offset: {"anniversary": name} | offset, st.sampled_from(("Birthday", "Seen")),
                         st.sampled_from(({}, {"offset": "-7d"}, {"offset": "-1d"}, {"offset": "1d"}, {"offset": "-205d"})))
_account = st.one_of(
    st.builds(lambda name, test: {"account": name} | test, st.sampled_from(("employees", "score")), st.one_of(_number, _KNOWN)),
    st.one_of(_time, _KNOWN).map(lambda test: {"account": "last_activity"} | test),
    _one(("contains",), st.sampled_from(ROLES)).map(lambda test: {"account": "roles"} | test))
_since = st.builds(lambda name, where, count: {"days_since": name, "where": where, "op": count.get("op", "at_least"),
                                               "value": count.get("count", 1)}, st.sampled_from(NAMES), _where, _counts)
_consent = st.builds(lambda channel, status, topic: {"consent": channel, "is": status} | topic,
                     st.sampled_from(("email", "sms")), st.sampled_from(("subscribed", "unsubscribed", "pending")),
                     st.sampled_from(({}, {"topic": "news"})))
_tags = st.sampled_from(TAGS).map(lambda tag: {"tag": tag})
_lists = st.sampled_from(LISTS).map(lambda name: {"list": name.upper()})
_segments = st.sampled_from(SEGMENTS).map(lambda name: {"segment": name})
_stages = st.lists(st.sampled_from(STAGES), min_size=1, max_size=2).map(lambda found: {"stage": found})
_scores = st.builds(lambda test, group: {"score": test} | group, _number, st.sampled_from(({}, {"group": "fit"})))
_roles = st.lists(st.sampled_from(ROLES), min_size=1, max_size=2).map(lambda found: {"buying_role": found})
_one_event = st.builds(lambda name, where: {"event": name} | where, st.sampled_from(NAMES),
                       st.fixed_dictionaries({"where": st.fixed_dictionaries({"object": _objects})}) | st.just({}))
_last = st.builds(lambda number, of, word, answer: {"last": number, "of": of, word: answer}, st.integers(1, 3),
                  st.one_of(st.sampled_from(NAMES), _one_event), st.sampled_from(("all", "any")), st.sampled_from(NAMES))
_spans = st.fixed_dictionaries({}, optional={"within": st.sampled_from(WINDOWS), "completed_within": st.sampled_from(WINDOWS)})
_sequence = st.one_of(
    st.builds(lambda steps, without, spans: {"sequence": steps} | without | spans, st.lists(_one_event, min_size=2, max_size=3),
              _one_event.map(lambda e: {"without": e}) | st.just({}), _spans),
    st.builds(lambda step, without, spans: {"sequence": [step], "without": without} | spans, _one_event, _one_event, _spans))
_percent = st.builds(lambda percent, salt: {"percent": percent, "salt": salt}, st.sampled_from((10, 33.33, 50, 100)),
                     st.sampled_from(("pilot", "größe")))
_chances = st.one_of(
    st.builds(lambda op, value: {"probability": "buys", "op": op, "value": value},
              st.sampled_from(("at_least", "at_most", "more_than", "less_than")), st.sampled_from((0, 0.2, 0.5, 1))),
    st.sampled_from((0.1, 0.5, 1)).map(lambda top: {"probability": "buys", "top": top}),
    _KNOWN.map(lambda test: {"probability": "buys"} | test))
_personas = st.lists(st.sampled_from(tuple(PERSONAS)), min_size=1, max_size=2, unique=True).map(
    lambda found: {"persona": found})
_affinity = st.builds(lambda op, value: {"affinity": "Guides", "op": op, "value": value},
                      st.sampled_from(("at_least", "less_than")), st.sampled_from((0.25, 0.7, 1, 2.5)))
_spent = st.builds(lambda what, op, worth, within: {"spent": what, "op": op, "value": worth[0], "currency": worth[1]} | within,
                   st.sampled_from(("total", "average")), st.sampled_from(("at_least", "less_than")),
                   st.sampled_from(((20.5, "EUR"), (50, "EUR"), (25, "EUR"), (4_000, "JPY"))),
                   st.sampled_from(WINDOWS).map(lambda w: {"within": w}) | st.just({}))
# Every kind of leaf by its word: a test holds these to the engine's own table.
KINDS: dict[str, st.SearchStrategy[Any]] = {
    "field": _fields, "account": _account, "tag": _tags, "list": _lists, "segment": _segments, "stage": _stages,
    "time_in_stage": _in_stage, "consent": _consent, "score": _scores, "event": st.one_of(_events, _of), "days_since": _since,
    "last": _last, "sequence": _sequence, "anniversary": _anniversary, "percent": _percent,
    "buying_role": _roles, "probability": _chances, "persona": _personas, "affinity": _affinity,
    "spent": _spent}
leaves = st.one_of(*KINDS.values())
documents = st.recursive(leaves, lambda inner: st.one_of(
    inner.map(lambda part: {"not": part}),
    st.builds(lambda word, parts: {word: parts}, st.sampled_from(("all", "any")), st.lists(inner, min_size=1, max_size=3))),
    max_leaves=6)


# ------------------------------------------------------------ data


def some_people(dice: random.Random, number: int = 8) -> list[Person]:
    return [some_person(dice, at) for at in range(1, number + 1)]


def some_person(dice: random.Random, number: int) -> Person:
    who = Person(number, {name: _value(dice, kind) for name, kind in FIELD_KINDS.items()}, anonymous=dice.random() < 0.1)
    who.stage = dice.choice([None, "lead", "MQL", "customer"])
    ages = (-5, 0, 3_600, 3_601, DAY, 7 * DAY, 7 * DAY - 1, 30 * DAY, 90 * DAY)
    who.stages = [(dice.choice(STAGES), NOW - dice.choice(ages)) for _ in range(dice.choice([0, 1, 3]))]
    who.zone, who.created_at = dice.choice([None, *ZONES]), NOW - dice.choice([7 * DAY, 90 * DAY, 91 * DAY])
    who.employees = dice.choice([None, *NUMBERS[3:]])
    who.company = {"score": dice.choice([0, 5, 50]), "roles": dice.choice([None, ["champion"], ["champion", "user"]]),
                   "last_activity": dice.choice([None, NOW // DAY * DAY, (NOW - 7 * DAY) // DAY * DAY])}
    who.roles = {role for role in ROLES if dice.random() < 0.3}
    who.scores = {"fit": dice.choice([0, 5, 50, -3]), "engagement": dice.choice([0, 1, 200])}
    who.tags = {tag for tag in TAGS[:2] if dice.random() < 0.4}
    who.lists = {name for name in LISTS if dice.random() < 0.4}
    who.chance = dice.choice([None, (0.0, 1.0), (0.2, 0.5), (0.5, 0.1), (1.0, 0.05)])
    who.kappa = {} if dice.random() < 0.3 else {"Guides": float(NOW - dice.choice([0, DAY, 10 * DAY, 20 * DAY, -20 * DAY]))}
    who.segments = {name for name in SEGMENTS if dice.random() < 0.4}
    who.consent = [(dice.choice(["email", "sms"]), dice.choice(["", "news"]),
                    dice.choice(["subscribed", "unsubscribed", "pending"])) for _ in range(dice.randrange(4))]
    who.events = [some_event(dice) for _ in range(dice.choice([0, 1, 2, 6]))]
    return who


def some_event(dice: random.Random, now: int = NOW) -> dict[str, Any]:
    ages = (0, 1, 3_599, 3_600, 3_601, DAY - 1, DAY, 7 * DAY - 1, 7 * DAY, 7 * DAY + 1, 30 * DAY, 90 * DAY, -1, -DAY)
    props = {key: dice.choice([*WORDS[:4], *NUMBERS[:4], True, False, None, {"deep": 1}, ["tech"], 5.0])
             for key in ("plan", 'grö"ße\\n') if dice.random() < 0.6}
    return {"name": dice.choice(NAMES), "object": dice.choice(OBJECTS), "at": now - dice.choice(ages),
            "verdict": dice.choice([None, None, "human", "machine"]), "props": props, "id": 0,
            "message": dice.choice([None, 1, 2, 3]), "money": dice.choice(MONEY)}


def _value(dice: random.Random, kind: str) -> Any:
    if dice.random() < 0.25:
        return None
    return {"text": lambda: dice.choice(WORDS), "number": lambda: dice.choice(NUMBERS), "bool": lambda: dice.random() < 0.5,
            "enum": lambda: dice.choice(SIZES), "list": lambda: [w.strip() for w in dice.sample(WORDS, 2) if w.strip()],
            "date": lambda: day_or_moment(dice.choice(MOMENTS))[0] // DAY * DAY,
            "datetime": lambda: NOW - dice.choice([0, 1, DAY, 7 * DAY, 7 * DAY - 1, -5])}[kind]()


def stored(kind: str, value: Any) -> Any:
    """A value as its column holds it."""
    if value is None:
        return None
    return json.dumps(value, ensure_ascii=False) if kind == "list" else int(value) if kind == "bool" else value
