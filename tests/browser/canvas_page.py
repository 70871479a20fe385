"""A page with nothing but the canvas, a side panel and what Python holds: only the tests of the canvas open it."""

import json
import random
import time

import streamlit as st

from pages.widgets.canvas import adopt, journey_canvas

st.set_page_config(layout="wide")
YES_NO = [{"id": "yes", "label": "Yes"}, {"id": "no", "label": "No"}]
WAIT_FOR = [{"id": "happened", "label": "Clicked"}, {"id": "timeout", "label": "No click"}]
HALVES = [{"id": "a", "label": "A 50 %"}, {"id": "b", "label": "B 50 %"}]
NEXT = [{"id": "next", "label": ""}]


def kind(label, icon, color, dark, group, ports=NEXT, shape="step", description=""):
    return {
        "label": label, "icon": icon, "color": color, "color_dark": dark, "group": group, "ports": ports,
        "shape": shape, "description": description,
    }  # fmt: skip


GREEN, BLUE, AMBER, VIOLET, GRAY, TEAL, PINK = (
    ("#15803d", "#4ade80"), ("#2563eb", "#60a5fa"), ("#b45309", "#fbbf24"), ("#7c3aed", "#a78bfa"),
    ("#475569", "#94a3b8"), ("#0f766e", "#2dd4bf"), ("#be185d", "#f472b6"),
)  # fmt: skip
KINDS = {
    "entry": kind("Entry", "login", *GREEN, "Start", shape="start", description="Who enters, and when"),
    "send": kind("Send a message", "mail", *BLUE, "Messages", description="One message by any channel"),
    "notify": kind("Notify the owner", "notifications", *BLUE, "Messages"),
    "wait": kind("Wait", "schedule", *GRAY, "Time", description="For a while, or until a day and hour"),
    "wait_for": kind("Wait for an event", "hourglass_top", *GRAY, "Time", WAIT_FOR),
    "condition": kind("Condition", "alt_route", *AMBER, "Flow", YES_NO, "branch"),
    "branch": kind("Branch", "account_tree", *AMBER, "Flow", None, "branch"),
    "split": kind("Random split", "science", *VIOLET, "Flow", HALVES, "branch"),
    "goal": kind("Goal", "flag", *GREEN, "Flow"),
    "tag": kind("Tag", "sell", *TEAL, "Actions"),
    "score": kind("Score", "leaderboard", *TEAL, "Actions"),
    "set_field": kind("Set a field", "edit_note", *TEAL, "Actions"),
    "webhook": kind("Webhook", "webhook", *PINK, "Actions"),
    "exit": kind("Exit", "logout", *GRAY, "Flow", [], "end"),
}
ARMS = [{"id": "de", "label": "Germany"}, {"id": "fr", "label": "France"}, {"id": "else", "label": "Everyone else"}]
SUMMARIES = {
    "entry": "When somebody subscribes; again after 90 days", "send": "Sends “Popular posts” by e-mail",
    "notify": "E-mails the owner of the contact", "wait": "For 2 days, then Tuesday 09:00",
    "wait_for": "A click within 2 days", "condition": "Has opened any message in 30 days", "branch": "By country, first match",
    "split": "Half and half, by chance", "goal": "Bought something", "tag": "Adds “high engagement”",
    "score": "Adds 10 points", "set_field": "plan = trial", "webhook": "POST to the CRM", "exit": "Reason: finished",
}  # fmt: skip


def small():
    """The welcome series: eight steps, one with a note, one wrong."""
    rows = [
        ("entry", "entry", "Subscribed", 400, 0), ("hello", "send", "Welcome: popular posts", 400, 140),
        ("clicked", "wait_for", "Clicked a post?", 400, 330), ("engaged", "tag", "High engagement", 180, 530),
        ("story", "send", "Customer story", 620, 530), ("ask", "condition", "Opened it?", 620, 700),
        ("ebook", "send", "E-book offer", 180, 700), ("done", "exit", "Finished", 400, 900),
    ]  # fmt: skip
    links = [
        ("entry", "next", "hello"), ("hello", "next", "clicked"), ("clicked", "happened", "engaged"),
        ("clicked", "timeout", "story"), ("engaged", "next", "ebook"), ("story", "next", "ask"),
        ("ebook", "next", "done"), ("ask", "yes", "ebook"),
    ]  # fmt: skip
    return graph_of(rows, links, {"hello": "Popular posts first: they earn the most clicks."})


def large():
    """Sixty steps in six columns, each leading to the one below."""
    kinds = ["send", "wait", "condition", "tag", "wait_for"]
    rows = [(f"n{i}", kinds[i % 5], f"Step {i}", 290 * (i % 6), 190 * (i // 6)) for i in range(60)]
    links = [(f"n{i}", KINDS[kinds[i % 5]]["ports"][0]["id"], f"n{i + 6}") for i in range(54)]
    return graph_of(rows, links, {})


def graph_of(rows, links, notes):
    nodes = [
        {"id": i, "type": t, "title": title, "x": x, "y": y, "data": {"kept": {"verbatim": i}}, "note": notes.get(i, "")}
        for i, t, title, x, y in rows
    ]
    return {"nodes": nodes, "edges": [{"id": f"{s}.{p}-{t}", "source": s, "port": p, "target": t} for s, p, t in links]}


CASES = {"small": small, "large": large, "empty": lambda: {"nodes": [], "edges": []}}
DOTS = [{"id": f"p{i}", "node": "hello", "label": f"Person {i}"} for i in range(int(st.query_params.get("people", "0")))]
ss = st.session_state
if "held" not in ss:
    ss.held = CASES[st.query_params.get("case", "small")]()
    ss.rev, ss.edits, ss.reruns, ss.at, ss.picked = 1, 0, 0, "entry", st.query_params.get("node")
    ss.readonly = st.query_params.get("readonly") == "1"


def on_graph(sent):
    ss.edits += 1
    if st.query_params.get("refuse"):
        ss.rev, ss.held = ss.rev + 1, {**ss.held, "edit": sent["edit"]}
    else:
        ss.held = adopt(ss.held, sent)


def on_selected(node):
    ss.picked = node


def edit_here(change):
    ss.held = {**ss.held, "nodes": [change(dict(n)) for n in ss.held["nodes"]]}
    ss.rev += 1


def rename(name):
    """Streamlit also calls this for a field that has just left the page: only a title that differs is an edit."""
    title = ss.get(f"title_{name}")
    if title and any(n["id"] == name and n["title"] != title for n in ss.held["nodes"]):
        edit_here(lambda n: {**n, "title": title} if n["id"] == name else n)


def problems(graph):
    found = {}
    for n in graph["nodes"]:
        ports = KINDS[n["type"]]["ports"]
        offered = {p["id"]: p["label"] for p in (ARMS if ports is None else ports)}
        used = {e["port"] for e in graph["edges"] if e["source"] == n["id"]}
        loose = [label or "next" for port, label in offered.items() if port not in used]
        if loose:
            found[n["id"]] = [{"severity": "error", "message": f"“{port}” leads nowhere: connect it."} for port in loose]
        elif n["type"] == "send" and n["id"] == "ebook":
            found[n["id"]] = [{"severity": "warning", "message": "This message has no plain text part."}]
    return found


def shown(graph):
    ports = {"branch": ARMS}
    nodes = [{**n, "summary": SUMMARIES[n["type"]], "ports": ports.get(n["type"])} for n in graph["nodes"]]
    return {**graph, "nodes": nodes}


def draw(counts, flows):
    journey_canvas(
        key="canvas", rev=ss.rev, graph=shown(ss.held), kinds=KINDS, counts=counts, port_counts=flows, errors=problems(ss.held),
        dots=[*DOTS, {"id": "me", "node": ss.at, "label": "You"}], readonly=ss.readonly, selected=ss.picked, height=660,
        on_graph=on_graph, on_selected=on_selected,
    )  # fmt: skip


@st.fragment(run_every=float(st.query_params.get("every", "1")))
def editor():
    ss.reruns += 1
    started = time.perf_counter()
    counts = {n["id"]: random.randint(1, 2000) for n in ss.held["nodes"] if n["type"] != "exit"}
    flows = {e["source"]: {} for e in ss.held["edges"]}
    for e in ss.held["edges"]:
        flows[e["source"]][e["port"]] = random.randint(1, 5000)
    left, right = st.columns([5, 1])
    with left:
        if ss.get("elsewhere"):
            st.text("Another view")
        else:
            draw(counts, flows)
    with right:
        node = next((n for n in ss.held["nodes"] if n["id"] == ss.picked), None)
        if node:
            st.text_input("Title", node["title"], key=f"title_{ss.picked}", on_change=rename, args=(ss.picked,))
        st.text_input("Scratch", key="scratch")
        st.button("Suffix", on_click=edit_here, args=(lambda n: {**n, "title": n["title"] + "!"},))
        if st.button("Walk"):
            ss.at = {"entry": "hello", "hello": "clicked", "clicked": "engaged"}.get(ss.at, "entry")
            st.rerun(scope="fragment")
        st.toggle("Elsewhere", key="elsewhere")
    held = {
        "rev": ss.rev, "edits": ss.edits, "edit": ss.held.get("edit", 0), "selected": ss.picked, "reruns": ss.reruns,
        "nodes": {n["id"]: [n["x"], n["y"], n["title"], n["data"], n.get("copy_of")] for n in ss.held["nodes"]},
        "edges": sorted(e["id"] for e in ss.held["edges"]), "ms": round(1000 * (time.perf_counter() - started)),
    }  # fmt: skip
    with st.container(key="held", height=120):
        st.text(json.dumps(held))


editor()
