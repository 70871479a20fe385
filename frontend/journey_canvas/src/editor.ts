// The graph while people work on it: what is on the canvas, its history, and what Python is told.
import { applyEdgeChanges, applyNodeChanges, type EdgeChange, type NodeChange } from "@xyflow/react";
import { applyChange, copies, diff, edgeId, freshId, isPassed, merge, portsOf, reversed, snap, toFlowEdge, toFlowNode, toGraph, type Change } from "./graph";
import { placeMissing, tidy } from "./layout";
import type { Live } from "./live";
import { TakeAway } from "./takeaway";
import { CARD_HEIGHT, CARD_WIDTH, type CanvasData, type FlowEdge, type FlowNode, type Graph, type GraphEdge, type GraphNode, type SentGraph, type SentPeople, type SentSelection, type XY } from "./types";

const UNSEEN_FOR_MS = 30_000; // an edit or a choice Python has not answered for this long never arrived; a busy server takes its time
const HISTORY = 200;
export type Notice = { text: string; undo: boolean; key: number };
export type Snapshot = { nodes: FlowNode[]; edges: FlowEdge[]; canUndo: boolean; canRedo: boolean; notice: Notice | null; linking: Linking | null; edit: number; looks: number };
type Linking = { source: string; port: string };
export type Outgoing = { graph: (g: SentGraph) => void; selected: (s: SentSelection) => void; people: (p: SentPeople) => void; asked: (at: number) => void };

let clipboard: { graph: Graph; pasted: number } | null = null; // outlives the page, so a branch can travel between journeys

export class Editor {
  nodes: FlowNode[] = [];
  edges: FlowEdge[] = [];
  out: Outgoing = { graph: () => {}, selected: () => {}, people: () => {}, asked: () => {} };
  takeAway = new TakeAway((text) => this.say(text, false));
  onReveal: (ids: string[]) => void = () => {};
  view: { x: number; y: number; zoom: number } | null = null; // where people looked when they left
  private base: Graph = { nodes: [], edges: [] };
  private past: Change[] = [];
  private future: Change[] = [];
  private taken = new Set<string>();
  private rev: string | number | null = null;
  private edit = 0;
  private looks = 0; // how often a graph came that wants a first look
  private acked = 0;
  private sentAt = 0;
  private dragging = false;
  private waiting: CanvasData | null = null;
  private told: string | null = null;
  private pythonSelected: string | null = null;
  private echoes: { id: string | null; at: number }[] = [];
  private notice: Notice | null = null;
  private linking: Linking | null = null;
  private listeners = new Set<() => void>();
  private shot: Snapshot;

  constructor(readonly live: Live) {
    this.takeAway.ask = (at) => this.out.asked(at);
    this.shot = this.makeSnapshot();
  }

  // ---- React ----
  subscribe = (tell: () => void) => { this.listeners.add(tell); return () => { this.listeners.delete(tell); }; };
  snapshot = () => this.shot;
  private makeSnapshot(): Snapshot {
    const { nodes, edges, notice, linking, edit, looks } = this;
    return { nodes, edges, notice, linking, edit, looks, canUndo: this.past.length > 0, canRedo: this.future.length > 0 };
  }
  private redraw() { this.shot = this.makeSnapshot(); this.listeners.forEach((tell) => tell()); }
  get readonly() { return this.live.state.readonly; }

  onNodesChange = (changes: NodeChange<FlowNode>[]) => { this.nodes = applyNodeChanges(changes, this.nodes); this.redraw(); };
  onEdgesChange = (changes: EdgeChange<FlowEdge>[]) => { this.edges = applyEdgeChanges(changes, this.edges); this.redraw(); };

  // ---- from Python ----
  /** Drawn anew, first or again: the graph is Python's to give, history and view are kept. */
  arrive(): void {
    this.rev = null;
    this.dragging = false;
    this.waiting = null;
    this.notice = null;
    this.linking = null;
  }

  take(data: CanvasData, dark: boolean): void {
    const wasReadonly = this.readonly;
    this.live.take(data, dark);
    this.acked = Math.max(this.acked, data.graph.edit ?? 0);
    if (wasReadonly !== this.readonly) this.forget();
    if (data.rev !== this.rev && this.dragging) this.waiting = data;
    else if (data.rev !== this.rev) this.adoptRevision(data);
    this.followSelection(data.selected ?? null);
  }

  private adoptRevision(data: CanvasData): void {
    const unseen = this.edit > this.acked && Date.now() - this.sentAt < UNSEEN_FOR_MS;
    const theirs = placeMissing(data.graph);
    if (!theirs.nodes.some((n) => this.nodes.some((m) => m.id === n.id))) {
      this.forget();
      this.looks += 1;
    }
    this.replace(unseen ? merge(theirs, this.current()) : theirs, data);
  }

  private replace(graph: Graph, data: CanvasData): void {
    this.rev = data.rev;
    this.edit = Math.max(this.edit, data.graph.edit ?? 0);
    this.show(graph);
    this.base = this.current();
  }

  private forget() { this.past = []; this.future = []; }

  private followSelection(id: string | null): void {
    if (id === this.pythonSelected) return;
    this.pythonSelected = id;
    this.echoes = this.echoes.filter((e) => Date.now() - e.at < UNSEEN_FOR_MS);
    const echo = this.echoes.findIndex((e) => e.id === id);
    if (echo >= 0) { this.echoes.splice(0, echo + 1); return; }
    this.told = id;
    this.select(id ? [id] : []);
    if (id) this.onReveal([id]);
  }

  // ---- to Python: the whole graph, once per edit ----
  current = (): Graph => toGraph(this.nodes, this.edges);

  commit(text?: string, undo = false): boolean {
    const now = this.current();
    const change = diff(this.base, now);
    if (!change || this.readonly) return false;
    this.past = [...this.past, change].slice(-HISTORY);
    this.future = [];
    this.send(now);
    if (text) this.say(text, undo); else this.redraw();
    return true;
  }

  private send(graph: Graph): void {
    this.base = graph;
    this.edit += 1;
    this.sentAt = Date.now();
    this.told = this.selectedOne();
    this.echoes.push({ id: this.told, at: this.sentAt });
    const nodes = graph.nodes.map((n) => this.withDerived(n));
    this.out.graph({ nodes, edges: graph.edges, edit: this.edit, rev: this.rev ?? 0, selected: this.told, at: this.sentAt });
  }

  private withDerived(node: GraphNode): GraphNode {
    const d = this.live.state.derived[node.id];
    if (!d) return node;
    return { ...node, ...(d.summary && { summary: d.summary }), ...(d.note && { note: d.note }), ...(d.ports && { ports: d.ports }) };
  }

  /** Tell Python who is selected, unless it knows. */
  syncSelection = () => {
    const id = this.selectedOne();
    if (id === this.told) return;
    this.told = id;
    const at = Date.now();
    this.echoes.push({ id, at });
    this.out.selected({ id, at });
  };

  // ---- selection ----
  selectedIds = () => this.nodes.filter((n) => n.selected).map((n) => n.id);
  private selectedOne(): string | null { const ids = this.selectedIds(); return ids.length === 1 ? ids[0]! : null; }
  select(ids: string[]): void {
    const chosen = new Set(ids);
    this.nodes = this.nodes.map((n) => (!!n.selected === chosen.has(n.id) ? n : { ...n, selected: chosen.has(n.id) }));
    this.edges = this.edges.map((e) => (e.selected ? { ...e, selected: false } : e));
    this.redraw();
  }
  pick(id: string): void { this.select([id]); this.onReveal([id]); this.syncSelection(); }

  // ---- edits ----
  private show(graph: Graph, selected?: string[]): void {
    const old = new Map(this.nodes.map((n) => [n.id, n]));
    const chosen = new Set(selected ?? this.selectedIds());
    this.nodes = graph.nodes.map((node) => {
      this.taken.add(node.id);
      const was = old.get(node.id);
      const next = toFlowNode(node, this.live.kind(node.type), chosen.has(node.id));
      return was?.measured ? { ...next, measured: was.measured } : next; // keeps a replaced card from blinking
    });
    this.edges = graph.edges.map(toFlowEdge);
    this.redraw();
  }

  private change(graph: Graph, selected: string[], text: string, undo = false): void {
    if (this.readonly) return;
    this.show(graph, selected);
    if (!this.commit(text, undo)) this.syncSelection();
  }

  dragStart = () => { this.dragging = true; };
  dragStop = (moved: FlowNode[]) => {
    this.dragging = false;
    const waiting = this.waiting;
    this.waiting = null;
    if (waiting) {
      this.adoptRevision(waiting);
      const to = new Map(moved.map((n) => [n.id, n.position]));
      this.nodes = this.nodes.map((n) => (to.has(n.id) ? { ...n, position: to.get(n.id)! } : n));
    }
    if (!this.commit()) this.syncSelection();
  };

  titleOf = (id: string) => this.nodes.find((n) => n.id === id)?.data.node.title ?? id;
  ports(id: string) {
    const node = this.nodes.find((n) => n.id === id)!.data.node;
    const used = this.edges.filter((e) => e.source === id).map((e) => e.sourceHandle ?? "next");
    return portsOf(this.live.kind(node.type), this.live.state.derived[id]?.ports ?? node.ports, used);
  }
  private freePort(id: string): string | undefined {
    return this.ports(id).find((p) => !this.edges.some((e) => e.source === id && e.sourceHandle === p.id))?.id;
  }
  canEnter = (id: string) => { const n = this.nodes.find((m) => m.id === id); return !!n && isPassed(this.live.kind(n.data.node.type)); };

  /** One edge leaves a port: a new one takes the place of the old, and says so. */
  connect(source: string, port: string, target: string): void {
    if (source === target || !this.canEnter(target)) return;
    const graph = this.current();
    const old = graph.edges.find((e) => e.source === source && e.port === port);
    if (old?.target === target) return;
    const edges = [...graph.edges.filter((e) => e !== old), { id: edgeId(source, port, target), source, port, target }];
    const label = this.ports(source).find((p) => p.id === port)?.label;
    const subject = label ? `“${label}”` : `“${this.titleOf(source)}”`;
    const text = old ? `${subject} now leads to “${this.titleOf(target)}” instead of “${this.titleOf(old.target)}”.` : "";
    this.change({ nodes: graph.nodes, edges }, this.selectedIds(), text || `${subject} leads to “${this.titleOf(target)}”.`, !!old);
  }

  startLink(source: string, port: string): void {
    this.linking = { source, port };
    this.say("Now go to the step it should lead to and press Enter. Escape cancels.", false);
  }
  endLink(target: string | null): void {
    const link = this.linking;
    this.linking = null;
    this.redraw();
    if (link && target) this.connect(link.source, link.port, target);
  }

  add(type: string, at: XY, onEdge?: string): void {
    if (this.readonly || !(type in this.live.state.kinds)) return;
    const graph = this.current();
    const kind = this.live.kind(type);
    const id = freshId(type, this.taken);
    const node: GraphNode = { id, type, title: kind.label, x: snap(at.x), y: snap(at.y), data: {} };
    const through = !isPassed(kind) ? undefined : graph.edges.find((e) => e.id === onEdge);
    const edges = through ? this.spliced(graph.edges, through, node) : graph.edges;
    this.change({ nodes: [...graph.nodes, node], edges }, [id], `“${kind.label}” added.`);
  }

  private spliced(edges: GraphEdge[], through: GraphEdge, node: GraphNode): GraphEdge[] {
    const out = portsOf(this.live.kind(node.type), null)[0];
    const first = { ...through, id: edgeId(through.source, through.port, node.id), target: node.id };
    const rest = edges.map((e) => (e.id === through.id ? first : e));
    if (!out) return rest;
    return [...rest, { id: edgeId(node.id, out.id, through.target), source: node.id, port: out.id, target: through.target }];
  }

  /** By keyboard or click: below the selected step and joined to its first free port, else in view. */
  addAfterSelection(type: string, inView: XY): void {
    if (!(type in this.live.state.kinds) || this.readonly) return;
    const after = this.nodes.find((n) => n.id === this.selectedOne());
    const port = after && isPassed(this.live.kind(type)) ? this.freePort(after.id) : undefined;
    const at = after ? { x: after.position.x, y: after.position.y + (after.measured?.height ?? CARD_HEIGHT) + 72 } : { ...inView };
    while (this.nodes.some((n) => Math.abs(n.position.x - at.x) < CARD_WIDTH && Math.abs(n.position.y - at.y) < CARD_HEIGHT)) at.x += CARD_WIDTH + 40;
    const id = freshId(type, new Set(this.taken));
    if (port === undefined || !after) { this.add(type, at); this.onReveal([id]); return; }
    const graph = this.current();
    const kind = this.live.kind(type);
    this.taken.add(id);
    const node: GraphNode = { id, type, title: kind.label, x: snap(at.x), y: snap(at.y), data: {} };
    const edge = { id: edgeId(after.id, port, id), source: after.id, port, target: id };
    this.change({ nodes: [...graph.nodes, node], edges: [...graph.edges, edge] }, [id], `“${kind.label}” added after “${this.titleOf(after.id)}”.`);
    this.onReveal([id]);
  }

  removeEdge(id: string): void {
    const graph = this.current();
    this.change({ nodes: graph.nodes, edges: graph.edges.filter((e) => e.id !== id) }, this.selectedIds(), "Connection removed.", true);
  }

  removeSelected(): void {
    const gone = new Set(this.selectedIds());
    const cut = new Set(this.edges.filter((e) => e.selected).map((e) => e.id));
    if (gone.size + cut.size === 0) return;
    const graph = this.current();
    const text = gone.size === 0 ? "Connection removed." : gone.size === 1 ? `“${this.titleOf([...gone][0]!)}” deleted.` : `${gone.size} steps deleted.`;
    this.change({
      nodes: graph.nodes.filter((n) => !gone.has(n.id)),
      edges: graph.edges.filter((e) => !cut.has(e.id) && !gone.has(e.source) && !gone.has(e.target)),
    }, [], text, true);
  }

  copy(): boolean {
    const chosen = new Set(this.selectedIds());
    if (chosen.size === 0) return false;
    const graph = this.current();
    clipboard = {
      graph: {
        nodes: graph.nodes.filter((n) => chosen.has(n.id)).map((n) => this.withDerived(n)),
        edges: graph.edges.filter((e) => chosen.has(e.source) && chosen.has(e.target)),
      },
      pasted: 0,
    };
    this.say(chosen.size === 1 ? "1 step copied." : `${chosen.size} steps copied.`, false);
    return true;
  }

  paste(): void {
    if (!clipboard || this.readonly) return;
    clipboard.pasted += 1;
    this.insert(clipboard.graph, { x: 40 * clipboard.pasted, y: 40 * clipboard.pasted }, "pasted");
  }

  duplicate(): void {
    const saved = clipboard;
    if (!this.readonly && this.copy() && clipboard) this.insert(clipboard.graph, { x: 40, y: 40 }, "duplicated");
    clipboard = saved;
  }

  private insert(part: Graph, by: XY, verb: string): void {
    const more = copies(part, this.taken, by);
    const graph = this.current();
    const ids = more.nodes.map((n) => n.id);
    this.change({ nodes: [...graph.nodes, ...more.nodes], edges: [...graph.edges, ...more.edges] }, ids, `${ids.length === 1 ? "1 step" : `${ids.length} steps`} ${verb}.`);
    this.onReveal(ids);
  }

  tidy(): void {
    const graph = this.current();
    const size = new Map(this.nodes.map((n) => [n.id, { width: n.measured?.width ?? CARD_WIDTH, height: n.measured?.height ?? CARD_HEIGHT }]));
    const at = tidy(graph, (id) => size.get(id)!, (id) => this.ports(id).map((p) => p.id));
    this.change({ ...graph, nodes: graph.nodes.map((n) => ({ ...n, ...at.get(n.id)! })) }, this.selectedIds(), "Tidied up.", true);
  }

  undo = () => this.step(this.past, (c) => reversed(c), (done) => { this.future.push(done); }, "Undone.");
  redo = () => this.step(this.future, (c) => c, (done) => { this.past = [...this.past, reversed(done)]; }, "Done again.");

  private step(from: Change[], way: (c: Change) => Change, keep: (done: Change) => void, text: string): void {
    if (this.readonly || this.dragging) return;
    for (let change = from.pop(); change; change = from.pop()) {
      const before = this.current();
      const after = applyChange(before, way(change));
      const back = diff(after, before);
      if (!back) continue; // everything it concerned is gone since: try the one before
      this.show(after);
      keep(back);
      this.send(this.current());
      this.say(text, false);
      return;
    }
    this.redraw();
  }

  say(text: string, undo: boolean): void { this.notice = { text, undo, key: Date.now() }; this.redraw(); }
  hush = () => { this.notice = null; this.redraw(); };
}
