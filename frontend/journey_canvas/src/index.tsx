import { createRoot, type Root } from "react-dom/client";
import type { FrontendRenderer } from "@streamlit/component-v2-lib";
import { ReactFlowProvider } from "@xyflow/react";
import "@xyflow/react/dist/base.css";
import "./style.css";
import { Canvas } from "./Canvas";
import { Editor, type Outgoing } from "./editor";
import { Live } from "./live";
import type { CanvasData, SentGraph, SentPeople, SentSelection } from "./types";

type State = { graph: SentGraph; selected: SentSelection; people: SentPeople; asked: number };
type Mounted = { root: Root; host: HTMLElement; styled: Promise<void>; out: Outgoing; calls: number; drawn: number; editor: Editor | null };
const mounts = new WeakMap<object, Mounted>();
const editors = new Map<string, Editor>(); // by the page's key: undo and view outlive a visit to another tab

/** The stylesheet lies beside this module; cards are measured, so nothing is drawn before it is there. */
function addStyles(parent: ParentNode & Node): Promise<void> {
  const link = document.createElement("link");
  link.rel = "stylesheet";
  const here = import.meta.url; // kept apart: vite would turn new URL(…, import.meta.url) into an inlined asset
  link.href = new URL(`journey_canvas.css${new URL(here).search}`, here).href;
  return new Promise((resolve) => { link.onload = link.onerror = () => resolve(); parent.appendChild(link); });
}

function mount(parent: HTMLElement | ShadowRoot, out: Outgoing): Mounted {
  const host = document.createElement("div");
  host.className = "jc-host";
  const styled = addStyles(parent);
  parent.appendChild(host);
  const made: Mounted = { root: createRoot(host), host, styled, out, calls: 0, drawn: 0, editor: null };
  mounts.set(parent, made);
  return made;
}

function isDark(host: HTMLElement): boolean {
  const color = getComputedStyle(host).getPropertyValue("--st-background-color").trim();
  const brush = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  if (!brush || !color) return false;
  brush.fillStyle = color;
  brush.fillRect(0, 0, 1, 1);
  const [r, g, b] = brush.getImageData(0, 0, 1, 1).data;
  return 0.299 * r! + 0.587 * g! + 0.114 * b! < 128;
}

async function unpack(packed: Uint8Array<ArrayBuffer>): Promise<CanvasData> {
  return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).json() as Promise<CanvasData>;
}

function editorFor(here: Mounted, key: string): Editor {
  const editor = editors.get(key) ?? new Editor(new Live());
  editors.set(key, editor);
  if (here.editor !== editor) editor.arrive();
  here.editor = editor;
  return editor;
}

async function draw(parent: object, here: Mounted, packed: Uint8Array<ArrayBuffer>, call: number): Promise<void> {
  const [data] = await Promise.all([unpack(packed), here.styled]);
  void editors.get(data.key)?.takeAway.receive(data.files);
  if (mounts.get(parent) !== here || call < here.drawn) return; // gone, or a later answer was quicker
  here.drawn = call;
  const editor = editorFor(here, data.key);
  editor.out = here.out;
  editor.take(data, isDark(here.host));
  here.root.render(<ReactFlowProvider key={data.key}><Canvas editor={editor} height={data.height ?? 640} /></ReactFlowProvider>);
}

/**
 * Streamlit also runs the cleanup of a call that a newer one overtook, with the element still on the page. Unmounting
 * then would throw away what somebody is doing: only an element that really left the page is taken down.
 */
function leave(parent: object, here: Mounted, call: number): void {
  setTimeout(() => {
    if (call !== here.calls || here.host.isConnected || mounts.get(parent) !== here) return;
    mounts.delete(parent);
    here.root.unmount();
    here.host.remove();
  });
}

const render: FrontendRenderer<State, Uint8Array<ArrayBuffer>> = ({ parentElement, data, setStateValue, setTriggerValue }) => {
  const out: Outgoing = {
    graph: (g) => setStateValue("graph", g), selected: (s) => setStateValue("selected", s),
    people: (p) => setTriggerValue("people", p), asked: (at) => setTriggerValue("asked", at),
  };
  const here = mounts.get(parentElement) ?? mount(parentElement, out);
  const call = (here.calls += 1);
  here.out = out;
  if (here.editor) here.editor.out = out;
  void draw(parentElement, here, data, call);
  return () => leave(parentElement, here, call);
};

export default render;
