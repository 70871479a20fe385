"""What every page stands on: the workspace, who asks, the moment, addresses, and a frame that survives mistakes."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Literal
from urllib.parse import urlencode

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from engine import access, clock
from engine import config as environment
from engine.access import Actor
from engine.config import Config
from engine.errors import Forbidden, Invalid, ThroughlineError
from engine.schema import open_store
from engine.service import demo, health
from engine.store import Store

from . import heartbeat, search
from .directory import BY_KEY
from .login import logged_in

log = logging.getLogger(__name__)


# ------------------------------------------------------------ the workspace


def config() -> Config:
    """The settings of this process."""
    return _config(environment.find_url())


@st.cache_resource(max_entries=4, ttl="10m", show_spinner=False)
def _config(url: str) -> Config:
    return environment.load(url)


def store() -> Store:
    """The workspace, opened once per process and address. Raises BadInput: there is none."""
    return _open(environment.find_url())


@st.cache_resource(max_entries=4, show_spinner="Opening the workspace")
def _open(url: str) -> Store:
    return open_store(url)


def actor() -> Actor:
    """Whoever sits in front of the page. Raises Forbidden: a stranger."""
    found = logged_in(store())
    if found is None:
        raise Forbidden("log in first")
    return found


def may(what: str) -> bool:
    """Whether the actor's role allows read, analyze, sell, market or administer."""
    return access.allows(actor(), what)


def now() -> int:
    """The moment it is in this workspace, UTC seconds; a demo has a time of its own."""
    return demo.now(store(), clock.now())


def runner_breathes() -> bool:
    """Whether a runner is at work."""
    return health.runner_state(store(), now=clock.now()).state in ("well", "trouble")


def clock_now() -> int:
    """The clock on the wall, by which processes breathe."""
    return clock.now()


# ------------------------------------------------------------ addresses


def param(name: str) -> str | None:
    """A word of the page's address."""
    return st.query_params.get(name)


def number_param(name: str) -> int | None:
    """A whole number of the page's address; None for anything else."""
    word = (param(name) or "").strip()
    return int(word) if word.isascii() and word.isdecimal() and len(word) < 16 else None


def set_param(name: str, value: object | None) -> None:
    """Put a word into the page's address, or take it out with None."""
    if value is None or value == "":
        st.query_params.pop(name, None)
    else:
        st.query_params[name] = str(value)


def section(options: Mapping[str, str], name: str = "view", keep: Sequence[str] = ()) -> str:
    """A segmented control whose choice stands in the address: key → label. The first one is the default.

    keep: words of the address that hold for every section; the others go when another one is chosen.
    """
    first, key = next(iter(options)), f"section:{name}"
    chosen = param(name) if param(name) in options else first
    if st.session_state.get(key) != chosen:  # the address rules: a link or Back has changed it
        st.session_state[key] = chosen
    st.segmented_control("Section", list(options), key=key, format_func=lambda one: options[one], required=True,
                         label_visibility="collapsed", on_change=_choose, args=(name, key, first, tuple(keep)))
    return str(chosen)


def _choose(name: str, key: str, first: str, keep: tuple[str, ...]) -> None:
    chosen = st.session_state[key]
    kept = {word: value for word in keep if (value := param(word)) is not None}
    st.query_params.from_dict(kept if chosen == first else {**kept, name: chosen})


def text_param(label: str, name: str, *, icon: str | None = None, placeholder: str = "") -> str:
    """A search field whose text stands in the address."""
    key = _synced(name, param(name) or "")
    st.text_input(label, key=key, icon=icon, placeholder=placeholder, type="search", max_chars=200, live="400ms",
                  label_visibility="collapsed", on_change=_keep, args=(name, key))
    return param(name) or ""


def choice_param(label: str, name: str, options: Sequence[str], *, width: int = 180,
                 words: Callable[[str], str] = str) -> str | None:
    """A select box whose choice stands in the address; None: whatever. words: what a choice is called."""
    key = _synced(name, param(name) if param(name) in options else None)
    st.selectbox(label, options, key=key, index=None, placeholder=label, label_visibility="collapsed", width=width,
                 on_change=_keep, args=(name, key), format_func=words)
    return st.session_state[key]


def offset(total: int, per_page: int, name: str = "page") -> int:
    """Where the page that the address asks for begins."""
    return (min(max(number_param(name) or 1, 1), _pages(total, per_page)) - 1) * per_page


def page_numbers(total: int, per_page: int, name: str = "page") -> None:
    """Page numbers below a table, where there are several pages."""
    if _pages(total, per_page) > 1:
        key = _synced(name, offset(total, per_page, name) // per_page + 1)
        st.pagination(_pages(total, per_page), key=key, on_change=_keep, args=(name, key))


def _pages(total: int, per_page: int) -> int:
    return max(1, -(-total // per_page))


def _synced(name: str, value: object) -> str:
    """The key of a widget that shows what the address says: a link or Back may have changed it."""
    key = f"address:{name}"
    if st.session_state.get(key) != value:
        st.session_state[key] = value
    return key


def _keep(name: str, key: str) -> None:
    set_param(name, st.session_state[key])
    if name != "page":
        set_param("page", None)


def address(page: str, **params: object) -> str:
    """The address of a page on this server, also below a base path."""
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    query = urlencode(_words(params))
    return f"{'/' + base if base else ''}/{page}{'?' + query if query else ''}"


def link_to(page: str, label: str, *, icon: str | None = None, **params: object) -> None:
    """A link to another view. page: a key of the directory. params: the words of its address."""
    st.page_link(BY_KEY[page].file, label=escaped(label), icon=icon or BY_KEY[page].icon, query_params=_words(params) or None)


def go(page: str, **params: object) -> None:
    """Show another view now. Not for callbacks: set the address there."""
    st.switch_page(BY_KEY[page].file, query_params=_words(params) or None)


def _words(params: Mapping[str, object]) -> dict[str, str]:
    return {name: str(value) for name, value in params.items() if value is not None}


def escaped(text: object) -> str:
    """Text of people or files for a label or markdown: nothing in it is markup."""
    return "".join(f"\\{char}" if char in r"\`*_{}[]()<>#+-.!|~$:" else char for char in " ".join(str(text).split()))


# ------------------------------------------------------------ the frame


@contextmanager
def page_frame(title: str, icon: str | None = None) -> Iterator[None]:
    """The head of a page (title, search, heartbeat), and a boundary: what goes wrong inside becomes one plain sentence."""
    with boundary():
        st.html(STYLE)
        _head(f"{icon} {title}" if icon else title)
        yield


# Without the sidebar a bar with the button that brings it back lies over the top of the page. Two columns that stand beside
# each other on a wide page come one below the other before words break in them.
STYLE = """<style>
.stMainBlockContainer { padding: 2.5rem 3rem 4rem; }
.stMain h3 { padding: 0.25rem 0; margin: 0; }
.stMarkdown:has(h3) [data-testid="stMarkdownContainer"] { margin-bottom: 0; }
.stApp:has([data-testid="stExpandSidebarButton"]) .stMainBlockContainer { padding-top: 4.25rem; }
@media (max-width: 800px) {
  .stMainBlockContainer { padding: 4.25rem 1.5rem 3rem; }
  .st-key-beside > * > .stHorizontalBlock { flex-wrap: wrap; }
  .st-key-beside > * > .stHorizontalBlock > .stColumn { min-width: 100%; }
}
</style>"""


def beside(left: int, right: int, *, gap: Literal["medium", "large"] = "medium") -> tuple[DeltaGenerator, DeltaGenerator]:
    """Two columns of these shares; on a narrow page one below the other. Once a page."""
    with st.container(key="beside"):
        first, second = st.columns([left, right], gap=gap)
    return first, second


@st.fragment
def _head(title: str) -> None:
    with st.container(horizontal=True, vertical_alignment="center", key="page-head"):
        st.title(title, anchor=False, width="stretch")
        typed = search.box()
        heartbeat.badge(store(), clock.now())
    search.hits(store(), typed, link_to)


@contextmanager
def boundary() -> Iterator[None]:
    """Engine errors as a sentence; anything else as a sentence with a reference, its details in the log."""
    try:
        yield
    except Invalid as error:
        st.error("\n".join(f"- {escaped(problem.where)}: {escaped(problem.message)}" for problem in error.problems[:12]),
                 icon=":material/error:")
    except ThroughlineError as error:
        st.error(escaped(error), icon=":material/error:")
    except Exception:
        reference = secrets.token_hex(3)
        log.exception("fault %s", reference)
        st.error(f"Something went wrong on our side. The log holds the details under **{reference}**; nothing was half-saved.",
                 icon=":material/bug_report:")
