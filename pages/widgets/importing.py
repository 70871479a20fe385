"""The import wizard: a file, what its columns fill, what people agreed to, a rehearsal, the import, its result."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import streamlit as st

from engine.clock import iso
from engine.errors import BadInput
from engine.people import fields
from engine.people.contacts import listing
from engine.service import batches, importing, quality
from engine.service.importing import Look, Options, Report
from engine.service.importing.contacts import SPECIAL, Agreed

from . import state
from .quality import findings
from .tables import say_count

KINDS = {"contacts": "Contacts", "accounts": "Companies", "events": "Events", "deals": "Deals", "costs": "Costs",
         "suppressions": "Suppressions"}
COLUMNS = {
    "accounts": "name; and domain, industry, employees, revenue, country, city. A domain brings the people of it.",
    "events": "email or external_id, event, occurred_at; and object, value, currency. Further columns become properties.",
    "deals": "deal_id, email or external_id, name, stage, amount, currency, created_at, closed_at, won, source_campaign.",
    "costs": "campaign, channel, category, amount, currency, from, to.",
    "suppressions": "address, reason, at. Nobody in it is ever written to again.",
}
AS_SHOWN = "as the file shows"
DATES = {AS_SHOWN: None, "day first (31/12/2026)": "dmy", "month first (12/31/2026)": "mdy"}
NUMBERS = {AS_SHOWN: None, "decimal point (1,234.5)": "point", "decimal comma (1.234,5)": "comma"}
LEFT_OUT = "-"
Run = Callable[[Options], Report]


def wizard() -> None:
    """One page from top to bottom: each step appears when the one before it is done."""
    if not state.may("market"):
        st.info("Imports are for marketers and administrators.", icon=":material/lock:")
        return
    kind = st.segmented_control("What is in the file?", list(KINDS), default="contacts", format_func=lambda one: KINDS[one],
                                required=True, key="import-kind")
    file = st.file_uploader("A CSV, TSV or XLSX file of any dialect and encoding", type=["csv", "tsv", "txt", "xlsx"],
                            key=f"import-file-{st.session_state.get('import-round', 0)}")
    if kind != "contacts":
        st.caption(f"Columns: {COLUMNS[str(kind)]}")
    if file is None:
        st.info("Choose a file. Nothing is changed before you have seen what would happen.", icon=":material/upload_file:")
        _earlier()
        return
    with _on_disk(file) as path:
        _contacts(path, file.file_id) if kind == "contacts" else _others(str(kind), path, file.file_id)


@contextmanager
def _on_disk(file: Any) -> Iterator[str]:
    """The upload as a file with its own name, which the report and the audit log show."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / (re.sub(r"[^\w.() -]", "_", Path(file.name).name)[-100:] or "upload.csv")
        path.write_bytes(file.getbuffer())
        yield str(path)


# ------------------------------------------------------------ contacts


def _contacts(path: str, file_id: str) -> None:
    seen: Look = _once(f"look-{file_id}", lambda: importing.look(state.store(), path))
    st.markdown(f"**{state.escaped(seen.name)}**: {say_count(seen.total, 'row', 'rows')}, "
                f"{say_count(len(seen.guesses), 'column', 'columns')}, {seen.encoding}.")
    if seen.tool and st.toggle(f"Read it as an export of {seen.tool.capitalize()}, with its tags, stages and consent",
                               value=True, key=f"tool-{file_id}"):
        read = _read_as(seen)
        if read:
            _rehearse_and_run(f"{file_id}{seen.tool}{read}", lambda how: importing.move_in(
                state.store(), str(seen.tool), path, by=state.actor(), now=state.now(), options=how).files[0].report, read)
        return
    maps = _mapping(seen, file_id)
    left, right = st.columns(2)
    with left:
        agreed = _agreed()
    with right:
        on_list = st.selectbox("Put everybody on a list", listing.label_names(state.store(), "list"), index=None,
                               accept_new_options=True, placeholder="No list", key="import-list")
        read = _read_as(seen)
    if agreed is None or read is None:
        st.button("Rehearse", icon=":material/fact_check:", disabled=True)
        return
    options = replace(read, maps=maps)
    _rehearse_and_run(f"{file_id}{options}{agreed}{on_list}", lambda how: importing.import_contacts(
        state.store(), path, by=state.actor(), now=state.now(), options=how, list_name=on_list, agreed=agreed), options)


def _read_as(seen: Look) -> Options | None:
    """How dates and numbers are to be read, asked where nothing in the file tells; None while it is not said."""
    said = {what: _in_two_ways(seen, what, ways) for what, ways in (("dates", DATES), ("numbers", NUMBERS))}
    return None if "" in said.values() else Options(**said)  # type: ignore[arg-type]


def _in_two_ways(seen: Look, what: str, ways: dict[str, str | None]) -> str | None:
    """None: nothing to ask."""
    asking = seen.asking(what)
    if not asking:
        return None
    names = ", ".join(f"{guess.column} ({guess.samples[0]})" for guess in asking)
    said = st.radio(f"{what.capitalize()} in {state.escaped(names)} can be read in two ways",
                    [one for one in ways if ways[one]], index=None, key=f"import-{what}")
    return ways[said] or "" if said else ""


def _mapping(seen: Look, file_id: str) -> tuple[str, ...]:
    """One line per column: its name, some cells, what it fills."""
    known = [one.name for one in fields.catalogue(state.store()).values()]
    maps = []
    with st.container(border=True, key="mapping"):
        st.markdown("**What each column fills**")
        for place, guess in enumerate(seen.guesses):
            name, cells, fills = st.columns([2, 3, 3], vertical_alignment="center")
            name.text(guess.column)
            cells.caption(state.escaped(" · ".join(guess.samples)) or "empty")
            own = f"{guess.column}:{guess.kind}"
            options = [LEFT_OUT, *known, *SPECIAL, own]
            target = fills.selectbox(f"{guess.column} fills", options, options.index(guess.target),
                                     label_visibility="collapsed", key=f"map-{file_id}-{place}",
                                     format_func=lambda one, own=own, kind=guess.kind: {
                                         LEFT_OUT: "Leave out", own: f"A new field ({kind})"}.get(one, one))
            if target != own:  # a field of its own is what an unmapped column becomes; its name may hold anything
                maps.append(f"{guess.column}={target}")
    return tuple(maps)


def _agreed() -> tuple[Agreed, ...] | None:
    """The basis on which the people of the file may be written to; None while the proof is missing."""
    choice = st.radio("May they be written to by e-mail?", ["Only where a column says so", "All of them agreed"],
                      key="import-consent", help="Nobody without consent is ever mailed. A refusal that is known stands.")
    if choice == "Only where a column says so":
        return ()
    source = st.text_input("Where and how they agreed", key="import-source", placeholder="signup form, 2024 to 2026")
    if not source.strip():
        st.caption("Say where: it is kept as the proof for each of them.")
        return None
    return (Agreed("email", "subscribed", source.strip()),)


# ------------------------------------------------------------ the other kinds


def _others(kind: str, path: str, file_id: str) -> None:
    run: dict[str, Callable[..., Report]] = {
        "accounts": importing.import_accounts, "events": importing.import_events, "deals": importing.import_deals,
        "costs": importing.import_costs, "suppressions": importing.import_suppressions}
    live = kind == "events" and st.checkbox("These events are new: let them wake journeys", key="import-live")
    left, right = st.columns(2)
    dates = left.selectbox("Dates", list(DATES), key="import-dates")
    numbers = right.selectbox("Numbers", list(NUMBERS), key="import-numbers")
    options = Options(dates=DATES[dates], numbers=NUMBERS[numbers], live=bool(live))  # type: ignore[arg-type]
    _rehearse_and_run(f"{file_id}{kind}{options}", lambda how: run[kind](
        state.store(), path, by=state.actor(), now=state.now(), options=how), options)


# ------------------------------------------------------------ rehearsal, import, result


def _rehearse_and_run(key: str, run: Run, options: Options) -> None:
    """`key` names the file with all that was chosen: another choice needs another rehearsal."""
    done = st.session_state.get("import-done")
    if done and done[0] == key:
        _result(done[1])
        return
    rehearsed = st.session_state.get("import-rehearsal")
    if not rehearsed or rehearsed[0] != key:
        if st.button("Rehearse", icon=":material/fact_check:", type="primary", help="Everything but the writing"):
            st.session_state["import-rehearsal"] = (key, _with_progress(run, replace(options, dry_run=True), "Rehearsing"))
            st.rerun()
        return
    report: Report = rehearsed[1]
    _counts(report)
    _errors(report)
    if report.created + report.updated == 0:
        st.info("Nothing would change.", icon=":material/check:")
    elif st.button(f"Import {say_count(report.created + report.updated, 'row', 'rows')}", type="primary",
                   icon=":material/upload:"):
        st.session_state["import-done"] = (key, _with_progress(run, options, "Importing"))
        st.rerun()


def _with_progress(run: Run, options: Options, word: str) -> Report:
    bar = st.progress(0.0, text=f"{word} …")

    def moved(done: int, total: int) -> None:
        bar.progress(min(done / max(total, 1), 1.0), text=f"{word}: {done:,} of {total:,} rows")

    try:
        return run(replace(options, progress=moved))
    finally:
        bar.empty()


def _counts(report: Report) -> None:
    would = "would be " if report.dry_run else ""
    for column, (label, value) in zip(st.columns(4), (
            (f"{would}created", report.created), (f"{would}updated", report.updated), ("unchanged", report.unchanged),
            ("in error", report.errors)), strict=True):
        column.metric(label.capitalize(), f"{value:,}", border=True)
    for note in report.notes:
        st.caption(state.escaped(note))


def _errors(report: Report) -> None:
    if not report.errors:
        return
    st.warning(f"{say_count(report.errors, 'row', 'rows')} can not be taken; all others can.", icon=":material/report:")
    st.dataframe([{"line": one.line, "column": one.column, "what is wrong": one.message} for one in report.rows_in_error[:200]],
                 hide_index=True)
    st.download_button("Download the errors", importing.errors_csv(report).encode("utf-8-sig"), "errors.csv", "text/csv",
                       icon=":material/download:")


def _result(report: Report) -> None:
    st.success(f"Imported: {report.created:,} created, {report.updated:,} updated, {report.unchanged:,} unchanged.",
               icon=":material/check_circle:")
    _counts(report)
    _errors(report)
    _found(report)
    with st.container(horizontal=True):
        state.link_to("contacts", "See the people", icon=":material/group:")
        if report.batch and st.button("Undo this import", icon=":material/undo:", key="undo-now"):
            _take_back(report.batch)
        if st.button("Import another file", icon=":material/restart_alt:"):
            _forget()
            st.rerun()


def _found(report: Report) -> None:
    """What is wrong with the people who have just come, in plain words."""
    found = quality.of_batch(state.store(), report.batch, now=state.now()) if report.batch else None
    if found and found.total:
        st.subheader("What we found")
        st.caption(f"{found.clean:,} of the {say_count(found.total, 'person', 'people')} it brought have no fault.")
        findings(found, fixes=False)
        state.link_to("contacts", "Mend it under Quality", icon=":material/build:", view="quality")


def _earlier() -> None:
    """Imports of before, each with its undo."""
    past = [one for one in batches.list_past(state.store()) if one.file]
    if not past:
        return
    st.subheader("Earlier imports")
    for one in past:
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            created, updated = one.counts.get("created", 0), one.counts.get("updated", 0)
            st.markdown(f"**{state.escaped(one.file)}** ({KINDS.get(one.kind, one.kind).lower()}): {created:,} created, "
                        f"{updated:,} updated")
            st.caption(state.escaped(f"{(iso(one.at) or '')[:16].replace('T', ' ')} by {one.actor}"))
            if one.undone_at:
                st.badge("undone", icon=":material/undo:", color="gray")
            elif one.kind == "contacts" and one.undoable and st.button("Undo", key=f"undo-{one.id}", icon=":material/undo:"):
                _take_back(one.id)


@st.dialog("Undo this import?")
def _take_back(batch: int) -> None:
    st.write("Contacts it made are removed where nothing has happened to them since, values it changed are put back, and "
             "consent it recorded no longer holds. What has been changed since stays as it is.")
    if st.button("Undo the import", type="primary", icon=":material/undo:", on_click=_undo, args=(batch,)):
        st.rerun()  # closes the dialog


def _undo(batch: int) -> None:
    with state.boundary():
        bar = st.progress(0.0, text="Undoing …")
        done = batches.undo(state.store(), batch, by=state.actor(), now=state.now(),
                            progress=lambda at, of: bar.progress(at / of, text=f"Undoing: step {at} of {of}"))
        _forget()
        st.toast(done.words, icon=":material/check:")


def _forget() -> None:
    for name in ("import-done", "import-rehearsal", "quality"):
        st.session_state.pop(name, None)
    st.session_state["import-round"] = st.session_state.get("import-round", 0) + 1


def _once(key: str, work: Callable[[], Any]) -> Any:
    """What was found out about the file on show, kept while it is on show."""
    kept = st.session_state.get("import-look")
    if not kept or kept[0] != key:
        with st.spinner("Reading the file"):
            kept = st.session_state["import-look"] = (key, work())
    if kept[1] is None:
        raise BadInput("The file could not be read.")
    return kept[1]
