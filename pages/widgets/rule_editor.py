"""The rule editor: groups of conditions, drawn from what the rule language declares; a count and a sentence while editing."""

from __future__ import annotations

import json
from typing import Any

import streamlit as st

from engine.audience import rules, segments
from engine.audience.rules import IN_JOURNEYS, LEAVES, Known
from engine.errors import BadInput, Invalid

from . import rule_tree, state
from .rule_inputs import alive, begin
from .rule_tree import Tree
from .rule_values import ask_widget, event_names
from .tables import say_count

DEEPEST = 4  # groups inside groups that stay readable on a page; the JSON view takes more
SAMPLE = 8
_LEAVES = LEAVES | IN_JOURNEYS
_MENU = {word: (leaf.group, leaf.label) for word, leaf in _LEAVES.items()}


def editor(key: str, document: Any, known: Known) -> Any:
    """Draw the editor over a rule document; the document as it is now, None while there is no condition.

    key: another one for another rule. What is typed is kept in the session under the key until `forget(key)`. Call it inside
    a fragment: each input then reruns only that.
    """
    tree = _tree(key, document)
    _group(tree, tree, known, 0)
    return rule_tree.to_document(tree)


def forget(key: str) -> None:
    """Drop what was typed under a key: the next `editor` begins with its document."""
    st.session_state.pop(f"rule:{key}", None)


def replace(key: str, document: Any) -> None:
    """Take over another document, for example out of the JSON view."""
    st.session_state[f"rule:{key}"] = rule_tree.from_document(document)


def can_show(document: Any) -> bool:
    """Whether a rule is written so that rows can be drawn of it, whatever else is wrong with it."""
    try:
        rule_tree.from_document(document)
    except (StopIteration, AttributeError, TypeError):
        return False
    return True


def same(one: Any, other: Any, known: Known) -> bool:
    """Whether two rules say the same: the editor writes down what a file may leave to the default."""
    try:
        return rules.parse(one, known).document() == rules.parse(other, known).document()
    except Invalid:
        return bool(one == other)


def event_filter(key: str, document: dict[str, Any] | None, known: Known) -> dict[str, Any] | None:
    """The event and its tests only, as triggers and waits of journeys ask for them: `{event, where}`; None: no event yet."""
    kept: dict[str, Any] = st.session_state.setdefault(f"filter:{key}", dict(document or {"event": None}))
    asks = {ask.key: ask for ask in LEAVES["event"].asks}
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        for name in ("event", "where"):
            ask_widget(asks[name], kept, f"filter:{key}.{name}", known, True)
    return {name: value for name, value in kept.items() if value} if kept.get("event") else None


def outcome(document: Any, known: Known, *, key: str = "rule") -> rules.Rule | None:
    """Below the editor: the sentence, how many match, some of them; or what is still missing. The rule when it is whole.

    key: another one for a second editor on the same page.
    """
    if document is None:
        st.info("Add a first condition.", icon=":material/filter_alt:")
        return None
    try:
        rule = rules.parse(document, known)
    except Invalid as error:
        with st.container(border=True):
            st.markdown(":material/edit_note: **Not complete yet**")
            for problem in error.problems[:5]:
                st.caption(state.escaped(problem.message))
        return None
    _count(rule, json.dumps(document, sort_keys=True), key)
    return rule


def _count(rule: rules.Rule, text: str, key: str) -> None:
    minute = state.now() // 60 * 60
    try:
        count, total, unjudged, sample = _counted(state.config().database_url, text, minute, _rule=rule)
    except BadInput as error:  # it asks what brought people into a journey
        st.text(rule.sentence())
        st.caption(f"Not counted: {error}")
        return
    with st.container(border=True, key=f"{key}-outcome"):
        share = f" ({count / total:.1%} of {total:,})" if total else ""
        st.markdown(f"**{say_count(count, 'person', 'people')}**{share}")
        st.text(rule.sentence())
        if unjudged:
            st.caption(f":material/help: {say_count(unjudged, 'more person', 'more people')} cannot be judged: only machines "
                       "opened their mail.")
        if sample:
            st.caption(state.escaped("For example " + ", ".join(sample)))


@st.cache_data(max_entries=256, ttl=60, show_spinner="Counting")
def _counted(url: str, text: str, at: int, *, _rule: rules.Rule) -> tuple[int, int, int, list[str]]:
    del url, text
    found = segments.count(state.store(), _rule, now=at)
    people = segments.members(state.store(), _rule, now=at, limit=SAMPLE)
    names = [" ".join(filter(None, (one.first_name, one.last_name))) or one.email or one.external_id or str(one.id)
             for one in people]
    return found.count, found.total, found.unjudged or 0, names


def json_view(key: str, document: Any, known: Known) -> None:
    """The rule as text, to copy or to replace."""
    with st.popover("As JSON", icon=":material/data_object:"):
        text = st.text_area("The rule", json.dumps(document, indent=2, ensure_ascii=False), height=320,
                            key=f"json:{key}:{json.dumps(document, sort_keys=True)}")
        if st.button("Take over", key=f"json-take:{key}", type="primary"):
            with state.boundary():
                replace(key, rules.parse(_read(text), known).document())
                st.rerun(scope="fragment")


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise BadInput(f"This is no JSON at line {error.lineno}, column {error.colno}: {error.msg}.") from None


# ------------------------------------------------------------ groups and conditions


def _tree(key: str, document: Any) -> Tree:
    name = f"rule:{key}"
    if name not in st.session_state:
        st.session_state[name] = rule_tree.from_document(document)
    tree: Tree = st.session_state[name]
    return tree


def _group(tree: Tree, group: Tree, known: Known, depth: int) -> None:
    with st.container(border=True, key=f"group-{group['id']}", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center"):
            _mode(group)
            if group is not tree:
                st.button("", icon=":material/delete:", key=f"{group['id']}.x", type="tertiary", on_click=rule_tree.remove,
                          args=(tree, group["id"]), help="Remove the group")
        for kid in group["kids"]:
            if "group" in kid:
                _group(tree, kid, known, depth + 1)
            else:
                _condition(tree, kid, known)
        with st.container(horizontal=True):
            _add_menu(group, known)
            _clipboard(group)
            if depth < DEEPEST:
                st.button("Group", icon=":material/library_add:", key=f"{group['id']}.g", type="tertiary",
                          on_click=group["kids"].append, args=(rule_tree.new_group(),))


def _clipboard(group: Tree) -> None:
    """Copy the group; paste what was copied, in this segment or another, as a group of its own."""
    copied = "rule-copied"
    if group["kids"]:
        st.button("Copy", icon=":material/content_copy:", key=f"{group['id']}.c", type="tertiary",
                  on_click=lambda: st.session_state.update({copied: rule_tree.to_document(group)}))
    if held := st.session_state.get(copied):
        st.button("Paste", icon=":material/content_paste:", key=f"{group['id']}.p", type="tertiary",
                  on_click=lambda: group["kids"].append(rule_tree.from_document(held)))


def _mode(group: Tree) -> None:
    key = f"{group['id']}.mode"
    now = begin(key, group["group"])

    def keep() -> None:
        group["group"] = st.session_state[key]

    st.segmented_control("Match", list(rule_tree.GROUP_WORDS), default=now, key=key, on_change=alive(keep), required=True,
                         label_visibility="collapsed", format_func=lambda one: rule_tree.GROUP_WORDS[one])


def _add_menu(group: Tree, known: Known) -> None:
    """The conditions there are, by heading."""
    key = f"{group['id']}.add"

    def add() -> None:
        if word := st.session_state[key]:
            leaf = rule_tree.new_leaf(word)
            if word in ("event", "days_since") and (names := event_names()):
                leaf["doc"][word] = "page_view" if "page_view" in names else names[0]
            group["kids"].append(leaf)
            st.session_state[key] = None

    st.session_state.setdefault(key, None)
    offered = [word for word in _MENU if known.in_journey or word not in IN_JOURNEYS]
    st.selectbox("Condition", offered, key=key, on_change=alive(add), index=None, width=210, placeholder="Add a condition",
                 label_visibility="collapsed", format_func=lambda word: f"{_MENU[word][0]} · {_MENU[word][1]}")


def _condition(tree: Tree, row: Tree, known: Known) -> None:
    leaf = _LEAVES[row["leaf"]]
    own_number = any(ask.kind == "number" and ask.key == "value" for ask in leaf.asks)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"row-{row['id']}"):
        st.markdown(f"**{leaf.label}**", width="content")
        for ask in leaf.asks:
            ask_widget(ask, row["doc"], f"{row['id']}.{ask.key}", known, own_number)
        st.button("", icon=":material/close:", key=f"{row['id']}.x", type="tertiary", on_click=rule_tree.remove,
                  args=(tree, row["id"]), help=f"Remove: {leaf.label}")
