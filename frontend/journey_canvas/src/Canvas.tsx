import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { Background, BackgroundVariant, ConnectionLineType, MarkerType, MiniMap, ReactFlow, useReactFlow, useStoreApi, type Connection, type FinalConnectionState } from "@xyflow/react";
import { Card } from "./Card";
import { EditorContext } from "./context";
import { Dots } from "./Dots";
import type { Editor, Snapshot } from "./editor";
import { useKeys } from "./keys";
import { LiveContext, useLive } from "./live";
import { Outline, Palette } from "./Palette";
import { PortEdge } from "./PortEdge";
import { Toolbar, Zoom } from "./Toolbar";
import { CARD_HEIGHT, CARD_WIDTH, DRAG_TYPE, GRID, type FlowEdge, type FlowNode } from "./types";

const NODE_TYPES = { card: Card };
const EDGE_TYPES = { port: PortEdge };
const EDGE_LOOK = { markerEnd: { type: MarkerType.ArrowClosed, markerUnits: "userSpaceOnUse", width: 20, height: 20, color: "var(--jc-line)" } };
const MULTI = ["Shift", "Control", "Meta"];
const NARROW_PX = 700, NOTICE_MS = 6000, READABLE_ZOOM = 0.55, TOP_ZOOM = 0.8;

type Under = { node?: string; edge?: string };
/** What lies under the pointer, asked of the shadow root: the document sees only the component's host. */
function under(root: HTMLElement, x: number, y: number): Under {
  const hit = (root.getRootNode() as ShadowRoot | Document).elementFromPoint(x, y);
  const id = (what: string) => hit?.closest(`.react-flow__${what}`)?.getAttribute("data-id") ?? undefined;
  return { node: id("node"), edge: id("edge") };
}

function useWidth(root: React.RefObject<HTMLDivElement | null>): boolean {
  const [narrow, setNarrow] = useState(false);
  useEffect(() => {
    const watch = new ResizeObserver(([entry]) => setNarrow((entry?.contentRect.width ?? NARROW_PX) < NARROW_PX));
    watch.observe(root.current!);
    return () => watch.disconnect();
  }, [root]);
  return narrow;
}

/** The first look at a graph: where people left off, else everything if it stays readable, else the top of the journey. */
function useFirstView(editor: Editor, shot: Snapshot): void {
  const rf = useReactFlow<FlowNode, FlowEdge>();
  const store = useStoreApi();
  const looked = useRef(-1);
  useEffect(() => () => {
    const [x, y, zoom] = store.getState().transform;
    if (looked.current >= 0) editor.view = { x, y, zoom };
  }, [editor, store]);
  useEffect(() => {
    if (looked.current === shot.looks) return;
    if (shot.nodes.length === 0) { looked.current = shot.looks; return; } // the first step dropped must not move the view
    if (!shot.nodes.every((n) => n.measured?.width)) return;
    looked.current = shot.looks;
    const { width, height } = store.getState();
    const box = rf.getNodesBounds(editor.nodes);
    const zoom = Math.min(1, (width - 96) / box.width, (height - 96) / box.height);
    const entered = new Set(editor.edges.map((e) => e.target));
    const first = editor.nodes.find((n) => !entered.has(n.id)) ?? editor.nodes[0]!;
    const whole = { zoom, x: (width - box.width * zoom) / 2 - box.x * zoom, y: (height - box.height * zoom) / 2 - box.y * zoom };
    const top = { zoom: TOP_ZOOM, x: width / 2 - (first.position.x + CARD_WIDTH / 2) * TOP_ZOOM, y: 48 - first.position.y * TOP_ZOOM };
    void rf.setViewport(editor.view ?? (zoom >= READABLE_ZOOM ? whole : top));
    editor.view = null;
    const chosen = editor.selectedIds();
    if (chosen.length) editor.onReveal(chosen);
  }, [shot, rf, store, editor]);
}

/** Brings steps into view when they are not, and leaves the view alone when they are. */
function useReveal(editor: Editor): void {
  const rf = useReactFlow<FlowNode, FlowEdge>();
  const store = useStoreApi();
  useEffect(() => {
    editor.onReveal = (ids) => setTimeout(() => {
      const nodes = editor.nodes.filter((n) => ids.includes(n.id));
      if (nodes.length === 0) return;
      const { width, height, transform: [x, y, zoom] } = store.getState();
      const box = rf.getNodesBounds(nodes);
      const seen = box.x * zoom + x >= 0 && box.y * zoom + y >= 0 && (box.x + box.width) * zoom + x <= width && (box.y + box.height) * zoom + y <= height;
      if (!seen || zoom < 0.45) void rf.setCenter(box.x + box.width / 2, box.y + box.height / 2, { zoom: Math.max(zoom, 0.8), duration: 350 });
    }, 40);
  }, [editor, rf, store]);
}

function Flow({ editor, root }: { editor: Editor; root: React.RefObject<HTMLDivElement | null> }) {
  const rf = useReactFlow<FlowNode, FlowEdge>();
  const shot = useSyncExternalStore(editor.subscribe, editor.snapshot);
  const readonly = useLive((s) => s.readonly);
  const dark = useLive((s) => s.dark);
  useFirstView(editor, shot);
  useReveal(editor);

  const connect = useCallback((c: Connection) => editor.connect(c.source, c.sourceHandle ?? "next", c.target), [editor]);
  const letGo = useCallback((e: MouseEvent | TouchEvent, state: FinalConnectionState) => {
    if (state.toHandle || !state.fromNode || state.fromHandle?.type !== "source") return;
    const at = "changedTouches" in e ? e.changedTouches[0]! : e; // anywhere on a card is near enough
    const target = under(root.current!, at.clientX, at.clientY).node;
    if (target) editor.connect(state.fromNode.id, state.fromHandle.id ?? "next", target);
  }, [editor, root]);
  const mark = useCallback((id?: string) => {
    root.current!.querySelectorAll(".jc-drop").forEach((el) => el.classList.remove("jc-drop"));
    if (id) root.current!.querySelector(`.react-flow__edge[data-id="${CSS.escape(id)}"]`)?.classList.add("jc-drop");
  }, [root]);
  const dragOver = useCallback((e: React.DragEvent) => {
    if (readonly || !e.dataTransfer.types.includes(DRAG_TYPE)) return;
    e.preventDefault();
    e.dataTransfer.dropEffect = "copy";
    mark(under(root.current!, e.clientX, e.clientY).edge);
  }, [readonly, mark, root]);
  const drop = useCallback((e: React.DragEvent) => {
    e.preventDefault();
    mark();
    const at = rf.screenToFlowPosition({ x: e.clientX, y: e.clientY }, { snapToGrid: false });
    editor.add(e.dataTransfer.getData(DRAG_TYPE), { x: at.x - CARD_WIDTH / 2, y: at.y - CARD_HEIGHT / 2 }, under(root.current!, e.clientX, e.clientY).edge);
    root.current!.focus({ preventScroll: true });
  }, [editor, rf, mark, root]);
  const settle = useCallback(() => { setTimeout(editor.syncSelection); }, [editor]);

  return (
    <div className="jc-flow" onDragOver={dragOver} onDragLeave={() => mark()} onDrop={drop}>
      <ReactFlow<FlowNode, FlowEdge> nodes={shot.nodes} edges={shot.edges} nodeTypes={NODE_TYPES} edgeTypes={EDGE_TYPES} defaultEdgeOptions={EDGE_LOOK}
        onNodesChange={editor.onNodesChange} onEdgesChange={editor.onEdgesChange} onConnect={connect} onConnectEnd={letGo}
        isValidConnection={(c) => c.source !== c.target} connectionRadius={32} connectionLineType={ConnectionLineType.SmoothStep} nodeDragThreshold={3}
        onNodeDragStart={editor.dragStart} onNodeDragStop={(_, __, moved) => editor.dragStop(moved)}
        onSelectionDragStart={editor.dragStart} onSelectionDragStop={(_, moved) => editor.dragStop(moved)}
        onNodeClick={settle} onPaneClick={settle} onEdgeClick={settle} onSelectionEnd={settle}
        nodesDraggable={!readonly} nodesConnectable={!readonly} edgesReconnectable={false} colorMode={dark ? "dark" : "light"}
        snapToGrid snapGrid={[GRID, GRID]} deleteKeyCode={null} multiSelectionKeyCode={MULTI} minZoom={0.15} maxZoom={1.75} aria-label="Journey canvas">
        <Background variant={BackgroundVariant.Dots} gap={20} size={1.4} />
        <Dots />
      </ReactFlow>
      {shot.nodes.length === 0 && (
        <div className="jc-empty"><span className="jc-icon" aria-hidden>account_tree</span><p>{readonly ? "This version has no steps." : "Drag a step from the left to begin, or click one. People enter at the first."}</p></div>
      )}
      <Zoom />
      <Notice editor={editor} />
    </div>
  );
}

function Notice({ editor }: { editor: Editor }) {
  const { notice, linking } = useSyncExternalStore(editor.subscribe, editor.snapshot);
  useEffect(() => {
    if (!notice || linking) return;
    const timer = setTimeout(editor.hush, NOTICE_MS);
    return () => clearTimeout(timer);
  }, [notice, linking, editor]);
  return (
    <div className="jc-notice" role="status" aria-live="polite">
      {notice && <div key={notice.key}><span>{notice.text}</span>{notice.undo && <button type="button" onClick={editor.undo}>Undo</button>}</div>}
    </div>
  );
}

export function Canvas({ editor, height }: { editor: Editor; height: number }) {
  const root = useRef<HTMLDivElement>(null), find = useRef<HTMLInputElement>(null);
  const rf = useReactFlow<FlowNode, FlowEdge>();
  const shot = useSyncExternalStore(editor.subscribe, editor.snapshot);
  const readonly = useSyncExternalStore(editor.live.subscribe, () => editor.live.state.readonly);
  const dark = useSyncExternalStore(editor.live.subscribe, () => editor.live.state.dark);
  const narrow = useWidth(root);
  const [open, setOpen] = useState<boolean | null>(null);
  const wide = open ?? !narrow;
  useEffect(() => setOpen(null), [narrow]); // crossing the line decides again
  const keys = useKeys(editor, root, find);
  const tidy = useCallback(() => { editor.tidy(); setTimeout(() => void rf.fitView({ padding: 0.12, maxZoom: 1, duration: 300 }), 30); }, [editor, rf]);
  const toggle = useCallback(() => setOpen(!wide), [wide]);
  const add = useCallback((type: string) => {
    const box = root.current!.querySelector(".jc-flow")!.getBoundingClientRect();
    const at = rf.screenToFlowPosition({ x: box.x + box.width / 2, y: box.y + box.height / 3 });
    editor.addAfterSelection(type, { x: at.x - CARD_WIDTH / 2, y: at.y });
  }, [editor, rf]);
  const mapColor = useMemo(() => (n: FlowNode) => editor.live.color(n.data.node.type), [editor, dark]);
  return (
    <EditorContext.Provider value={editor}>
      <LiveContext.Provider value={editor.live}>
        <div ref={root} tabIndex={-1} data-edit={shot.edit} className={`jc${dark ? " dark" : ""}${narrow ? " narrow" : ""}${shot.linking ? " linking" : ""}`} style={{ height }} onKeyDown={keys.down} onKeyUp={keys.up}>
          <aside className={wide ? "jc-side" : "jc-side rail"} aria-label={readonly ? "Steps in this version" : "Steps to add"}>
            {readonly ? <Outline open={wide} onToggle={toggle} /> : <Palette open={wide} onToggle={toggle} onAdd={add} />}
            {wide && height >= 420 && <div className="jc-map"><MiniMap<FlowNode> pannable zoomable nodeColor={mapColor} nodeBorderRadius={24} ariaLabel="Overview of the journey" /></div>}
          </aside>
          <div className="jc-work">
            <Toolbar shot={shot} find={find} onTidy={tidy} />
            <Flow editor={editor} root={root} />
          </div>
        </div>
      </LiveContext.Provider>
    </EditorContext.Provider>
  );
}
