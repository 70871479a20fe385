// Pure functions over graphs: no React, no DOM.
import { GRID, type FlowEdge, type FlowNode, type Graph, type GraphEdge, type GraphNode, type Kind, type Port, type XY } from "./types";

export const snap = (v: number) => Math.round(v / GRID) * GRID;
export const isStart = (kind: Kind) => kind.shape === "start";
/** Whether people pass it: the start brings them in, a note is only read. */
export const isPassed = (kind: Kind) => kind.shape !== "start" && kind.shape !== "note";
export const NEXT: Port = { id: "next", label: "" };

export function kindOf(kinds: Record<string, Kind>, type: string): Kind {
  return kinds[type] ?? { label: type, icon: "help", color: "#64748b", group: "", ports: null };
}

/** The ports a node offers, followed by any that edges still use though the node no longer has them. */
export function portsOf(kind: Kind, own: Port[] | null | undefined, used: string[] = []): (Port & { stray?: boolean })[] {
  const offered = own ?? kind.ports ?? (used.length ? [] : [NEXT]);
  const stray = used.filter((id) => !offered.some((p) => p.id === id));
  return [...offered, ...stray.map((id) => ({ id, label: id, stray: !(own == null && kind.ports == null) }))];
}

/** `send`, `send_2`, `send_3`: readable, and never one that was taken before. */
export function freshId(wanted: string, taken: Set<string>): string {
  const stem = wanted.replace(/_\d+$/, "") || "step";
  let id = stem;
  for (let n = 2; taken.has(id); n += 1) id = `${stem}_${n}`;
  taken.add(id);
  return id;
}

export const edgeId = (source: string, port: string, target: string) => `${source}.${port}-${target}`;

export function toFlowNode(node: GraphNode, kind: Kind, selected = false): FlowNode {
  return {
    id: node.id, type: "card", position: { x: node.x ?? 0, y: node.y ?? 0 }, data: { node }, selected,
    ariaLabel: `${kind.label}: ${node.title}`,
  };
}

export function toFlowEdge(edge: GraphEdge): FlowEdge {
  return {
    id: edge.id, type: "port", source: edge.source, target: edge.target,
    sourceHandle: edge.port, targetHandle: "in", data: { edge }, ariaLabel: `${edge.port} from ${edge.source} to ${edge.target}`,
  };
}

export function toGraph(nodes: FlowNode[], edges: FlowEdge[]): Graph {
  return {
    nodes: nodes.map((n) => ({ ...n.data.node, x: Math.round(n.position.x), y: Math.round(n.position.y) })),
    edges: edges.map((e) => ({ ...e.data!.edge, id: e.id, source: e.source, target: e.target, port: e.sourceHandle ?? "next" })),
  };
}

// ---- history: what one edit changed in structure, so that undoing it never touches settings typed since ----

type Placed<T> = { at: number; item: T };
export type Change = {
  added: Placed<GraphNode>[];
  removed: Placed<GraphNode>[];
  moved: { id: string; from: XY; to: XY }[];
  edgesAdded: GraphEdge[];
  edgesRemoved: GraphEdge[];
};

const placed = (list: GraphNode[], gone: Set<string>): Placed<GraphNode>[] =>
  list.map((item, at) => ({ at, item })).filter(({ item }) => !gone.has(item.id));
const sameEdge = (a: GraphEdge, b: GraphEdge | undefined) =>
  b !== undefined && a.source === b.source && a.port === b.port && a.target === b.target;

export function diff(before: Graph, after: Graph): Change | null {
  const old = new Map(before.nodes.map((n) => [n.id, n]));
  const now = new Map(after.nodes.map((n) => [n.id, n]));
  const oldEdges = new Map(before.edges.map((e) => [e.id, e]));
  const nowEdges = new Map(after.edges.map((e) => [e.id, e]));
  const change: Change = {
    added: placed(after.nodes, new Set(old.keys())),
    removed: placed(before.nodes, new Set(now.keys())),
    moved: after.nodes.flatMap((n) => {
      const o = old.get(n.id);
      if (!o || (o.x === n.x && o.y === n.y)) return [];
      return [{ id: n.id, from: { x: o.x ?? 0, y: o.y ?? 0 }, to: { x: n.x ?? 0, y: n.y ?? 0 } }];
    }),
    edgesAdded: after.edges.filter((e) => !sameEdge(e, oldEdges.get(e.id))),
    edgesRemoved: before.edges.filter((e) => !sameEdge(e, nowEdges.get(e.id))),
  };
  return Object.values(change).some((part) => part.length > 0) ? change : null;
}

export function reversed(c: Change): Change {
  return {
    added: c.removed, removed: c.added, edgesAdded: c.edgesRemoved, edgesRemoved: c.edgesAdded,
    moved: c.moved.map(({ id, from, to }) => ({ id, from: to, to: from })),
  };
}

/** Carry a change out on a graph that may have moved on: what no longer fits is left alone. */
export function applyChange(graph: Graph, c: Change): Graph {
  const gone = new Set(c.removed.map(({ item }) => item.id));
  const to = new Map(c.moved.map((m) => [m.id, m.to]));
  const nodes = graph.nodes.filter((n) => !gone.has(n.id)).map((n) => (to.has(n.id) ? { ...n, ...to.get(n.id)! } : n));
  for (const { at, item } of c.added) {
    if (!nodes.some((n) => n.id === item.id)) nodes.splice(Math.min(at, nodes.length), 0, item);
  }
  const here = new Set(nodes.map((n) => n.id));
  const dropped = new Set(c.edgesRemoved.map((e) => e.id));
  const kept = graph.edges.filter((e) => !dropped.has(e.id) && here.has(e.source) && here.has(e.target));
  const back = c.edgesAdded.filter((e) => here.has(e.source) && here.has(e.target));
  const retaken = new Set(back.map((e) => `${e.source}\0${e.port}`));
  return { nodes, edges: [...kept.filter((e) => !retaken.has(`${e.source}\0${e.port}`)), ...back] };
}

/** Settings from Python, structure and positions from here: for an edit that Python had not seen when it answered. */
export function merge(theirs: Graph, mine: Graph): Graph {
  const known = new Map(theirs.nodes.map((n) => [n.id, n]));
  return { nodes: mine.nodes.map((n) => ({ ...n, ...known.get(n.id), x: n.x, y: n.y })), edges: mine.edges };
}

/** Copies of the chosen nodes with the edges among them, under new ids, shifted by `by`. */
export function copies(graph: Graph, taken: Set<string>, by: XY): Graph {
  const renamed = new Map(graph.nodes.map((n) => [n.id, freshId(n.id, taken)]));
  return {
    nodes: graph.nodes.map((n) => ({
      ...structuredClone(n), id: renamed.get(n.id)!, title: n.title === n.id ? renamed.get(n.id)! : n.title, copy_of: n.id,
      x: snap((n.x ?? 0) + by.x), y: snap((n.y ?? 0) + by.y),
    })),
    edges: graph.edges.map((e) => {
      const source = renamed.get(e.source)!, target = renamed.get(e.target)!;
      return { ...e, id: edgeId(source, e.port, target), source, target };
    }),
  };
}

/** The nodes to walk through from one node to another, ends included; empty when no way leads there. */
export function route(edges: FlowEdge[], from: string, to: string): FlowEdge[] {
  const came = new Map<string, FlowEdge>();
  const queue = [from];
  for (let at = queue.shift(); at !== undefined; at = queue.shift()) {
    if (at === to && came.has(to)) break;
    for (const edge of edges) {
      if (edge.source === at && !came.has(edge.target) && edge.target !== from) { came.set(edge.target, edge); queue.push(edge.target); }
    }
  }
  const way: FlowEdge[] = [];
  for (let edge = came.get(to); edge; edge = came.get(edge.source)) { way.unshift(edge); if (edge.source === from) break; }
  return way;
}
