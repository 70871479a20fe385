import dagre from "@dagrejs/dagre";
import { CARD_HEIGHT, CARD_WIDTH, type Graph, type XY } from "./types";
import { snap } from "./graph";

export type Size = { width: number; height: number };

/** Top-down positions for every node; edges enter in the order of their ports, so "yes" stays left of "no". */
export function tidy(graph: Graph, sizeOf: (id: string) => Size, portOrder: (id: string) => string[]): Map<string, XY> {
  const g = new dagre.graphlib.Graph({ multigraph: true });
  g.setGraph({ rankdir: "TB", nodesep: 56, ranksep: 72, marginx: 0, marginy: 0 });
  g.setDefaultEdgeLabel(() => ({}));
  for (const n of graph.nodes) g.setNode(n.id, { ...sizeOf(n.id) });
  const rank = (source: string, port: string) => portOrder(source).indexOf(port);
  const ordered = [...graph.edges].sort((a, b) => (a.source === b.source ? rank(a.source, a.port) - rank(b.source, b.port) : 0));
  for (const e of ordered) if (e.source !== e.target) g.setEdge(e.source, e.target, {}, e.id);
  dagre.layout(g);
  const at = new Map<string, XY>();
  for (const n of graph.nodes) {
    const p = g.node(n.id), s = sizeOf(n.id);
    at.set(n.id, { x: snap(p.x - s.width / 2), y: snap(p.y - s.height / 2) });
  }
  return at;
}

/** Fill in positions a journey file left out: all of them by layout, a few below the node that leads there. */
export function placeMissing(graph: Graph): Graph {
  const missing = graph.nodes.filter((n) => n.x == null || n.y == null);
  if (missing.length === 0) return graph;
  if (missing.length === graph.nodes.length) {
    const at = tidy(graph, () => ({ width: CARD_WIDTH, height: CARD_HEIGHT + 28 }), () => []);
    return { ...graph, nodes: graph.nodes.map((n) => ({ ...n, ...at.get(n.id)! })) };
  }
  const nodes = graph.nodes.map((n) => ({ ...n }));
  const lowest = () => Math.max(...nodes.map((n) => n.y ?? -Infinity));
  for (const n of nodes) {
    if (n.x != null && n.y != null) continue;
    const from = graph.edges.find((e) => e.target === n.id)?.source;
    const parent = nodes.find((m) => m.id === from && m.x != null);
    n.x = parent?.x ?? 0;
    n.y = (parent?.y ?? lowest()) + CARD_HEIGHT + 90;
    while (nodes.some((m) => m !== n && m.x != null && Math.abs(m.x - n.x!) < CARD_WIDTH && Math.abs(m.y! - n.y!) < CARD_HEIGHT)) n.x += CARD_WIDTH + 40;
  }
  return { ...graph, nodes };
}
