import { memo, useContext, useMemo, useState } from "react";
import { EditorContext } from "./context";
import { number } from "./Card";
import { useLive } from "./live";
import { DRAG_TYPE, type Kind } from "./types";

type Entry = [string, Kind];
const fits = (kind: Kind, words: string) => `${kind.label} ${kind.group} ${kind.description ?? ""}`.toLowerCase().includes(words.trim().toLowerCase());

function grouped(kinds: Record<string, Kind>, words: string): [string, Entry[]][] {
  const groups = new Map<string, Entry[]>();
  for (const entry of Object.entries(kinds)) {
    if (entry[1].shape === "start" || !fits(entry[1], words)) continue; // a journey has exactly one start, and it is there
    const name = entry[1].group || "Steps";
    groups.set(name, [...(groups.get(name) ?? []), entry]);
  }
  return [...groups];
}

function Item({ type, kind, dark, onAdd }: { type: string; kind: Kind; dark: boolean; onAdd: (type: string) => void }) {
  const hint = `${kind.label}${kind.description ? `: ${kind.description}` : ""}\nDrag it onto the canvas or onto a connection. Enter adds it after the selected step.`;
  return (
    <button type="button" className="jc-item" data-kind={type} draggable title={hint} aria-label={`Add ${kind.label}`}
      style={{ ["--k" as string]: (dark && kind.color_dark) || kind.color }} onClick={() => onAdd(type)}
      onDragStart={(e) => { e.dataTransfer.setData(DRAG_TYPE, type); e.dataTransfer.effectAllowed = "copy"; }}>
      <span className="jc-icon jc-tile" aria-hidden>{kind.icon}</span><span className="jc-item-label">{kind.label}</span>
    </button>
  );
}

export const Palette = memo(function Palette({ open, onToggle, onAdd }: { open: boolean; onToggle: () => void; onAdd: (type: string) => void }) {
  const kinds = useLive((s) => s.kinds);
  const dark = useLive((s) => s.dark);
  const [words, setWords] = useState("");
  const groups = useMemo(() => grouped(kinds, open ? words : ""), [kinds, words, open]);
  return (
    <>
      <div className="jc-side-head">
        {open && <span className="jc-side-title">Steps</span>}
        <button type="button" className="jc-tool" aria-expanded={open} aria-label={open ? "Hide the names of the steps" : "Show the names of the steps"} title={open ? "Collapse" : "Expand"} onClick={onToggle}>
          <span className="jc-icon" aria-hidden>{open ? "left_panel_close" : "left_panel_open"}</span>
        </button>
      </div>
      {open && (
        <label className="jc-field">
          <span className="jc-icon" aria-hidden>search</span>
          <input type="search" value={words} placeholder="Search steps" aria-label="Search steps to add" onChange={(e) => setWords(e.target.value)}
            onKeyDown={(e) => { if (e.key === "Escape") setWords(""); const first = groups[0]?.[1][0]; if (e.key === "Enter" && words.trim() && first) onAdd(first[0]); }} />
        </label>
      )}
      <div className="jc-items">
        {groups.map(([name, entries]) => (
          <div key={name} role="group" aria-label={name} className="jc-group">
            {open && <div className="jc-group-name">{name}</div>}
            {entries.map(([type, kind]) => <Item key={type} type={type} kind={kind} dark={dark} onAdd={onAdd} />)}
          </div>
        ))}
        {groups.length === 0 && <p className="jc-none">No step is called “{words.trim()}”.</p>}
      </div>
    </>
  );
});

/** A published version has nothing to add: the same place lists its steps and who waits where. */
export function Outline({ open, onToggle }: { open: boolean; onToggle: () => void }) {
  const editor = useContext(EditorContext);
  const counts = useLive((s) => s.counts);
  useLive((s) => s.kinds);
  return (
    <>
      <div className="jc-side-head">
        {open && <span className="jc-side-title">Steps in this version</span>}
        <button type="button" className="jc-tool" aria-expanded={open} aria-label={open ? "Hide the list of steps" : "Show the list of steps"} onClick={onToggle}>
          <span className="jc-icon" aria-hidden>{open ? "left_panel_close" : "left_panel_open"}</span>
        </button>
      </div>
      <div className="jc-items">
        {editor.nodes.map((n) => (
          <button key={n.id} type="button" className="jc-item plain" title={n.data.node.title} style={{ ["--k" as string]: editor.live.color(n.data.node.type) }} onClick={() => editor.pick(n.id)}>
            <span className="jc-icon jc-tile" aria-hidden>{editor.live.kind(n.data.node.type).icon}</span>
            <span className="jc-item-label">{n.data.node.title}</span>
            {open && counts[n.id] ? <span className="jc-item-count">{number(counts[n.id]!)}</span> : null}
          </button>
        ))}
      </div>
    </>
  );
}
