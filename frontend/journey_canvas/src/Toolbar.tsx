import { useContext, useEffect, useMemo, useRef, useState, type RefObject } from "react";
import { useReactFlow, useStore } from "@xyflow/react";
import { EditorContext } from "./context";
import { useLive } from "./live";
import type { Snapshot } from "./editor";
import type { Form } from "./takeaway";

function Tool({ icon, label, keys, off, onClick, text, expanded }: { icon: string; label: string; keys?: string; off?: boolean; onClick: () => void; text?: string; expanded?: boolean }) {
  return (
    <button type="button" className={text ? "jc-tool worded" : "jc-tool"} aria-label={label} aria-expanded={expanded} aria-disabled={off || undefined} title={keys ? `${label} (${keys})` : label} onClick={() => { if (!off) onClick(); }}>
      <span className="jc-icon" aria-hidden>{icon}</span>{text && <span className="jc-tool-text">{text}</span>}
    </button>
  );
}

function Find({ input }: { input: RefObject<HTMLInputElement | null> }) {
  const editor = useContext(EditorContext);
  const [words, setWords] = useState("");
  const [at, setAt] = useState(0);
  const wanted = words.trim().toLowerCase();
  const found = !wanted ? [] : editor.nodes.filter(({ id, data: { node } }) =>
    [id, node.title, editor.live.kind(node.type).label, editor.live.state.derived[id]?.summary, editor.live.state.derived[id]?.note].join(" ").toLowerCase().includes(wanted)).slice(0, 8);
  const close = () => { setWords(""); setAt(0); };
  const go = (id: string | undefined) => { if (id) { editor.pick(id); close(); input.current?.blur(); } };
  const onKey = (e: React.KeyboardEvent) => {
    if (e.key === "ArrowDown" || e.key === "ArrowUp") { e.preventDefault(); setAt((at + (e.key === "ArrowDown" ? 1 : -1) + found.length) % Math.max(1, found.length)); }
    if (e.key === "Enter") go(found[at]?.id);
    if (e.key === "Escape") { close(); input.current?.blur(); }
  };
  return (
    <div className="jc-find">
      <label className="jc-field">
        <span className="jc-icon" aria-hidden>search</span>
        <input ref={input} type="search" value={words} placeholder="Find a step" aria-label="Find a step on the canvas" role="combobox" aria-expanded={found.length > 0} aria-controls="jc-found"
          onChange={(e) => { setWords(e.target.value); setAt(0); }} onKeyDown={onKey} onBlur={() => setTimeout(close, 150)} />
        {!words && <kbd aria-hidden>/</kbd>}
      </label>
      {wanted && (
        <ul className="jc-found" id="jc-found" role="listbox" aria-label="Steps found">
          {found.map((n, i) => (
            <li key={n.id} role="option" aria-selected={i === at} style={{ ["--k" as string]: editor.live.color(n.data.node.type) }} onPointerDown={(e) => { e.preventDefault(); go(n.id); }}>
              <span className="jc-icon jc-tile" aria-hidden>{editor.live.kind(n.data.node.type).icon}</span><span>{n.data.node.title}</span>
            </li>
          ))}
          {found.length === 0 && <li className="jc-none">No step matches.</li>}
        </ul>
      )}
    </div>
  );
}

/** How many problems there are; each press goes to the next step that has one. */
function ProblemsTool() {
  const editor = useContext(EditorContext);
  const problems = useLive((s) => s.problems);
  const turn = useRef(0);
  const at = useMemo(() => Object.keys(problems).filter((id) => problems[id]!.length > 0), [problems]);
  const here = at.filter((id) => editor.nodes.some((n) => n.id === id));
  const all = here.flatMap((id) => problems[id]!);
  if (all.length === 0) return null;
  const errors = all.filter((p) => p.severity === "error").length, warnings = all.length - errors;
  const part = (n: number, word: string) => (n ? `${n} ${word}${n === 1 ? "" : "s"}` : "");
  const text = [part(errors, "error"), part(warnings, "warning")].filter(Boolean).join(", ");
  const next = () => { editor.pick(here[turn.current % here.length]!); turn.current += 1; };
  return (
    <button type="button" className={`jc-tool worded ${errors ? "bad" : "warned"}`} title={`${text}: go to the next step that has one`} aria-label={text} onClick={next}>
      <span className="jc-icon" aria-hidden>{errors ? "error" : "warning"}</span><span className="jc-long">{text}</span><span className="jc-short">{all.length}</span>
    </button>
  );
}

const FORMS: [Form, string, string][] = [["png", "image", "Picture (PNG)"], ["svg", "polyline", "Drawing (SVG)"], ["mermaid", "code", "Diagram (Mermaid)"]];

/** The journey as a file, for a document or a colleague. */
function TakeAlong() {
  const editor = useContext(EditorContext);
  const [open, setOpen] = useState(false);
  const menu = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!open) return;
    const root = menu.current!.getRootNode();
    const away = (e: Event) => { if (!menu.current?.contains(e.target as Node)) setOpen(false); };
    root.addEventListener("pointerdown", away, true);
    return () => root.removeEventListener("pointerdown", away, true);
  }, [open]);
  const take = (form: Form) => { setOpen(false); editor.takeAway.want(form); };
  return (
    <div ref={menu} className="jc-menu" onKeyDown={(e) => { if (e.key === "Escape" && open) { e.stopPropagation(); setOpen(false); } }}>
      <Tool icon="download" label="Take the journey along" expanded={open} onClick={() => setOpen(!open)} />
      {open && <ul>{FORMS.map(([form, icon, words]) => (
        <li key={form}><button type="button" onClick={() => take(form)}><span className="jc-icon" aria-hidden>{icon}</span>{words}</button></li>
      ))}</ul>}
    </div>
  );
}

export function Toolbar({ shot, find, onTidy }: { shot: Snapshot; find: RefObject<HTMLInputElement | null>; onTidy: () => void }) {
  const editor = useContext(EditorContext);
  const readonly = useLive((s) => s.readonly);
  const pictures = useLive((s) => s.pictures);
  const chosen = shot.nodes.some((n) => n.selected), cut = chosen || shot.edges.some((e) => e.selected);
  return (
    <div className="jc-bar" role="toolbar" aria-label="Canvas tools">
      <Find input={find} />
      <ProblemsTool />
      <span className="jc-gap" />
      {readonly ? (
        <span className="jc-readonly" role="status"><span className="jc-icon" aria-hidden>lock</span>Read only</span>
      ) : (
        <>
          <Tool icon="undo" label="Undo" keys="Ctrl+Z" off={!shot.canUndo} onClick={editor.undo} />
          <Tool icon="redo" label="Redo" keys="Ctrl+Shift+Z" off={!shot.canRedo} onClick={editor.redo} />
          <span className="jc-rule" />
          <Tool icon="content_copy" label="Duplicate the selected steps" keys="Ctrl+D" off={!chosen} onClick={() => editor.duplicate()} />
          <Tool icon="delete" label="Delete the selection" keys="Delete" off={!cut} onClick={() => editor.removeSelected()} />
          <span className="jc-rule" />
          <Tool icon="account_tree" label="Tidy up" text="Tidy up" onClick={onTidy} />
        </>
      )}
      {pictures && <TakeAlong />}
    </div>
  );
}

export function Zoom() {
  const rf = useReactFlow();
  const percent = useStore((s) => Math.round(s.transform[2] * 100));
  return (
    <div className="jc-zoom" role="group" aria-label="Zoom">
      <Tool icon="remove" label="Zoom out" onClick={() => void rf.zoomOut({ duration: 150 })} />
      <button type="button" className="jc-percent" aria-label={`Zoom is ${percent} percent; press for 100 percent`} title="Zoom to 100 %" onClick={() => void rf.zoomTo(1, { duration: 150 })}>{percent}%</button>
      <Tool icon="add" label="Zoom in" onClick={() => void rf.zoomIn({ duration: 150 })} />
      <Tool icon="fit_screen" label="Show everything" onClick={() => void rf.fitView({ padding: 0.12, maxZoom: 1, duration: 250 })} />
    </div>
  );
}
