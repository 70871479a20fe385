"""The language of templates: Jinja in a sandbox that can neither reach out nor run away.

What a template may use: `contact`, `account`, `event`, `sender`, `unsubscribe_url`, `preferences_url`, `confirm_url`,
`calendar_url`; the filters of Jinja and `default`, `date`, `money`. A name that does not exist raises when it is printed,
unless it has a default; it is false in a condition.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import TemplateError, TemplateSyntaxError, Undefined, UndefinedError, nodes
from jinja2.environment import Template
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import SandboxedEnvironment
from jinja2.utils import pass_context

from ..errors import BadInput
from ..maths.money import exponent

NAMES = ("contact", "account", "event", "trigger", "sender", "unsubscribe_url", "preferences_url", "confirm_url",
         "calendar_url")
LONGEST = 500_000  # characters one part of a message may have
MOST_TURNS = 10_000  # loop turns of one rendering, inner loops included
_WIDEST = 10_000  # characters a single operation may produce by repetition
_PIECES = 128  # of output between two looks at its size
_FORBIDDEN = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends, nodes.Macro, nodes.CallBlock)
_SIGNS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "INR": "₹", "KRW": "₩"}


class Missing(Undefined):
    """A name without a value: false in a condition, an error where it would be printed."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Missing(name=f"{self._undefined_name}.{name}")

    def __getitem__(self, name: Any) -> Any:
        return Missing(name=f"{self._undefined_name}.{name}")

    def __str__(self) -> str:
        name = self._undefined_name
        raise UndefinedError(f"{name} has no value here: write {{{{ {name} | default('…') }}}} or correct the name")


class Facts:
    """Named values of a template, `contact.city` or `contact["city"]`. Without methods that could hide a field."""

    __slots__ = ("_name", "_values")

    def __init__(self, name: str, values: Mapping[str, Any]) -> None:
        self._name, self._values = name, values

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self[name]

    def __getitem__(self, name: Any) -> Any:
        try:
            return self._values[name]
        except KeyError:
            return self._values.get(str(name).lower(), Missing(name=f"{self._name}.{name}"))

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


class Moment(int):
    """UTC seconds that print as a date in the zone of whoever reads."""

    zone: str = "UTC"
    shape: str = "%Y-%m-%d %H:%M"

    def __str__(self) -> str:
        return _local(self, self.zone).strftime(self.shape)


def moment(seconds: int, zone: str = "UTC", *, day: bool = False) -> Moment:
    """A date (its UTC midnight) or a moment as the reader's clock shows it."""
    made = Moment(seconds)
    made.zone, made.shape = ("UTC", "%Y-%m-%d") if day else (zone, Moment.shape)
    return made


class _Sandbox(SandboxedEnvironment):
    intercepted_binops = frozenset({"*", "**", "%"})

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Facts hand out their values only, so the checks for anything else can be left out."""
        return obj[attribute] if type(obj) is Facts else super().getattr(obj, attribute)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Numbers as always; text and lists can not be repeated into gigabytes."""
        if operator == "**" and max(abs(left), abs(right)) > 1_000:
            raise SecurityError(f"{left} ** {right} is too large for a template")
        if operator == "*" and isinstance(left, str | list | tuple) + isinstance(right, str | list | tuple):
            size, times = (len(left), right) if hasattr(left, "__len__") else (len(right), left)
            if size * times > _WIDEST:
                raise SecurityError("a text repeated too often")
        if operator == "%" and isinstance(left, str):
            raise SecurityError("write {{ value }} between words instead of the % operator")
        return super().call_binop(context, operator, left, right)

    def is_safe_callable(self, obj: Any) -> bool:
        """Methods of plain values and our own functions; nothing that formats by a pattern of the template's making."""
        return getattr(obj, "__name__", "") not in ("format", "format_map", "ljust", "rjust", "center", "zfill",
                                                    "expandtabs") and super().is_safe_callable(obj)


@pass_context
def _counted(context: Context, items: Any) -> Iterator[Any]:
    """The items of a loop, as long as the rendering has turns left."""
    left = context.get("_turns")
    for item in items if items is not None else ():
        left[0] -= 1
        if left[0] < 0:
            raise SecurityError(f"more than {MOST_TURNS} loop turns")
        yield item


def _default(value: Any, fallback: Any = "", _: bool = True) -> Any:
    """The fallback for what is missing, empty or blank; zero and false are values."""
    return fallback if isinstance(value, Undefined) or value is None or value == "" else value


def _date(value: Any, shape: str = "%d %B %Y", zone: str | None = None) -> str:
    """A moment (UTC seconds or ISO text) in words; the contact's zone unless another is named."""
    if value is None or value == "" or isinstance(value, Undefined):
        return "" if not isinstance(value, Undefined) else str(value)
    if isinstance(value, str):
        when = datetime.fromisoformat(value)
        return (when.astimezone(ZoneInfo(zone)) if zone and when.tzinfo else when).strftime(shape)
    own = value.zone if isinstance(value, Moment) else "UTC"
    return _local(int(value), zone or own).strftime(shape)


def _money(value: Any, currency: Any = "EUR") -> str:
    """Minor units as an amount: 199950 is €1,999.50. A currency without a sign of its own stands behind."""
    if value is None or isinstance(value, Undefined):
        return "" if value is None else str(value)
    code = str(currency).upper()
    amount = f"{Decimal(int(value)).scaleb(-exponent(code)):,.{exponent(code)}f}"
    return f"{_SIGNS[code]}{amount}" if code in _SIGNS else f"{amount} {code}"


def _printed(value: Any) -> Any:
    """How a value stands in a message: nothing for none, yes and no, lists with commas."""
    if type(value) is str:
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(str(item) for item in value) if isinstance(value, list | tuple) else value


def _local(seconds: int, zone: str) -> datetime:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).astimezone(ZoneInfo(zone))


def _environment(escape: bool) -> SandboxedEnvironment:
    made = _Sandbox(autoescape=escape, undefined=Missing, finalize=_printed, keep_trailing_newline=True)
    for name in ("center", "format", "indent", "wordwrap", "pprint", "xmlattr", "attr", "filesizeformat", "urlize", "random"):
        made.filters.pop(name)
    made.globals.clear()
    made.globals["range"] = lambda *bounds: list(islice(range(*bounds), MOST_TURNS + 1))
    made.filters |= {"default": _default, "d": _default, "date": _date, "money": _money, "_counted": _counted}
    return made


_HTML, _TEXT = _environment(True), _environment(False)


def parse(source: str, what: str, first_line: int = 1) -> nodes.Template:
    """The syntax tree of a template. Raises BadInput with the line; first_line is where it starts in its file."""
    try:
        tree = _TEXT.parse(source)
        _TEXT.compile(_TEXT.parse(source))  # unknown filters and tests show only here
    except TemplateSyntaxError as error:
        raise BadInput(f"{what}, line {error.lineno + first_line - 1}: {error.message}") from None
    except (TemplateError, RecursionError) as error:
        raise BadInput(f"{what}: {error or 'too deeply nested'}") from None
    for node in tree.find_all(_FORBIDDEN):
        raise BadInput(f"{what}, line {node.lineno + first_line - 1}: {type(node).__name__.lower()} is not available in a "
                       "message; write its content here")
    return tree


def compile_part(source: str, what: str, *, escape: bool) -> Part:
    """A template ready to render. Raises BadInput with the line."""
    tree = parse(source, what)
    for loop in tree.find_all(nodes.For):
        loop.iter = nodes.Filter(loop.iter, "_counted", [], [], None, None, lineno=loop.lineno)
    environment = _HTML if escape else _TEXT
    return Part(environment.from_string(tree), what)


class Part:
    """One part of a message (subject, HTML, text), compiled."""

    def __init__(self, template: Template, what: str) -> None:
        self._template, self._what = template, what

    def render(self, context: dict[str, Any]) -> str:
        """The text for one contact. Raises BadInput: a name without value or default, a runaway loop, a bad value."""
        try:
            pieces = self._template.root_render_func(self._template.new_context({**context, "_turns": [MOST_TURNS]}))
            return "".join(_bounded(pieces))
        except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError, RecursionError) as error:
            raise BadInput(f"{self._what}: {error}") from None


def _bounded(pieces: Iterable[str]) -> Iterator[str]:
    size, coming = 0, iter(pieces)
    while some := list(islice(coming, _PIECES)):
        joined = "".join(some)
        size += len(joined)
        if size > LONGEST:
            raise SecurityError(f"longer than {LONGEST} characters")
        yield joined


def used_names(tree: nodes.Template) -> Iterator[tuple[str, int, bool]]:
    """What a template reads: dotted name, line, and whether an empty value is taken care of by a default or a test."""
    guarded = {id(name) for node in tree.find_all((nodes.Filter, nodes.If, nodes.CondExpr, nodes.Test))
               for name in _guarded_by(node)}
    inner = {id(node.node) for node in _names_in(tree) if isinstance(node, nodes.Getattr | nodes.Getitem)}
    local = {name.name for name in tree.find_all(nodes.Name) if name.ctx == "store"}
    for node in _names_in(tree):
        name = _dotted(node)
        if name and id(node) not in inner and name.split(".")[0] not in local | {"loop"}:
            yield name, node.lineno, id(node) in guarded


def _guarded_by(node: nodes.Node) -> Iterator[nodes.Node]:
    """Names below a default, and names a condition asks about: inside it they are known to be there."""
    if isinstance(node, nodes.Filter):
        if node.name in ("default", "d") and node.node is not None:
            yield from _names_in(node.node)
    elif isinstance(node, nodes.Test):
        yield from _names_in(node.node)
    elif isinstance(node, nodes.If | nodes.CondExpr):
        asked = {_dotted(name) for name in _names_in(node.test)}
        yield from (name for name in _names_in(node) if _dotted(name) in asked)


def _names_in(node: nodes.Node) -> Iterator[nodes.Node]:
    if isinstance(node, nodes.Name | nodes.Getattr | nodes.Getitem):
        yield node
    yield from node.find_all((nodes.Name, nodes.Getattr, nodes.Getitem))


def _dotted(node: nodes.Node) -> str | None:
    if isinstance(node, nodes.Name):
        return node.name
    if isinstance(node, nodes.Getattr) and (owner := _dotted(node.node)):
        return f"{owner}.{node.attr}"
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const) and (owner := _dotted(node.node)):
        return f"{owner}.{node.arg.value}"
    return None


def facts(name: str, values: Mapping[str, Any]) -> Facts:
    """Values for a template, dictionaries inside them included. A name is read in any case, and with _ for its spaces."""
    ready = {key: _ready(f"{name}.{key}", value) for key, value in values.items()}
    other = {alias: value for key, value in ready.items() for alias in (key.lower(), slug(key)) if alias not in ready}
    return Facts(name, ready | other)


def slug(key: str) -> str:
    """A field's name as a template can write it behind a dot."""
    return re.sub(r"\W+", "_", key.lower()).strip("_")


def _ready(name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        return facts(name, value)
    return [_ready(name, item) for item in value] if isinstance(value, list) else value
