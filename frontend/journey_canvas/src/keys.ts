import { useEffect, useMemo, useRef, type KeyboardEvent, type RefObject } from "react";
import type { Editor } from "./editor";

const MOVED_MS = 350; // a held arrow key is one edit, not thirty
const isTyping = (e: KeyboardEvent) => (e.nativeEvent.composedPath()[0] as Element | undefined)?.tagName === "INPUT";
const focusedNode = (e: KeyboardEvent) => {
  const at = e.nativeEvent.composedPath()[0] as Element | undefined;
  return at?.classList.contains("react-flow__node") ? at.getAttribute("data-id") : null;
};

/** What a key does, or nothing. Every edit is refused by the editor itself when the version is read only. */
function action(e: KeyboardEvent, editor: Editor): (() => void) | null {
  const key = e.key.toLowerCase();
  if (e.ctrlKey || e.metaKey) {
    if (key === "z") return e.shiftKey ? editor.redo : editor.undo;
    if (key === "y") return editor.redo;
    if (key === "c") return () => { editor.copy(); };
    if (key === "x") return () => { if (!editor.readonly && editor.copy()) editor.removeSelected(); };
    if (key === "v") return () => editor.paste();
    if (key === "d") return () => editor.duplicate();
    if (key === "a") return () => { editor.select(editor.nodes.map((n) => n.id)); editor.syncSelection(); };
    return null;
  }
  if (key === "delete" || key === "backspace") return () => editor.removeSelected();
  if (key === "escape") return () => { editor.endLink(null); editor.select([]); editor.syncSelection(); };
  return null;
}

export function useKeys(editor: Editor, root: RefObject<HTMLDivElement | null>, find: RefObject<HTMLInputElement | null>) {
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  return useMemo(() => {
    const keepFocus = () => requestAnimationFrame(() => {
      const inside = (root.current?.getRootNode() as ShadowRoot | Document | undefined)?.activeElement;
      if (root.current && !root.current.contains(inside ?? null)) root.current.focus({ preventScroll: true });
    });
    const down = (e: KeyboardEvent) => {
      if (isTyping(e)) { e.stopPropagation(); return; } // Streamlit's own shortcuts must not see letters typed in here
      const linked = e.key === "Enter" && editor.snapshot().linking ? focusedNode(e) : null;
      const act = linked ? () => editor.endLink(linked) : action(e, editor);
      if (act) { e.preventDefault(); e.stopPropagation(); act(); keepFocus(); return; }
      const findKey = e.key === "/" || ((e.ctrlKey || e.metaKey) && e.key.toLowerCase() === "f");
      if (findKey) { e.preventDefault(); e.stopPropagation(); find.current?.focus(); return; }
      if (e.key.length === 1 && e.key !== " " && !e.ctrlKey && !e.metaKey) e.stopPropagation();
    };
    const up = (e: KeyboardEvent) => {
      if (isTyping(e)) return;
      if (e.key.startsWith("Arrow")) { clearTimeout(timer.current); timer.current = setTimeout(() => editor.commit(), MOVED_MS); }
      if (e.key === "Enter" || e.key === " ") setTimeout(editor.syncSelection);
    };
    return { down, up };
  }, [editor, root, find]);
}
