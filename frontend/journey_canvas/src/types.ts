// The words shared with pages/widgets/canvas.py. Python computes; the canvas draws and lets people rearrange.
import type { Edge, Node } from "@xyflow/react";
import type { Files } from "./takeaway";

export type Port = { id: string; label: string };
export type Kind = {
  label: string;
  icon: string;
  color: string;
  color_dark?: string;
  group: string;
  shape?: string;
  ports: Port[] | null;
  description?: string;
};
/** `data` is the node's settings: kept verbatim, never read here. */
export type GraphNode = {
  id: string;
  type: string;
  title: string;
  x: number | null;
  y: number | null;
  data: Record<string, unknown>;
  summary?: string;
  note?: string;
  ports?: Port[] | null;
  copy_of?: string;
  [extra: string]: unknown;
};
export type GraphEdge = { id: string; source: string; port: string; target: string; [extra: string]: unknown };
export type Graph = { nodes: GraphNode[]; edges: GraphEdge[]; edit?: number };
export type Problem = { severity: "error" | "warning"; message: string };
export type Dot = { id: string; node: string; label: string };

export type CanvasData = {
  key: string;
  rev: string | number;
  graph: Graph;
  kinds: Record<string, Kind>;
  counts?: Record<string, number> | null;
  port_counts?: Record<string, Record<string, number>> | null;
  errors?: Record<string, Problem[]> | null;
  dots?: Dot[] | null;
  readonly?: boolean;
  selected?: string | null;
  height?: number;
  pictures?: boolean; // whether it can be taken along
  people?: boolean; // whether its numbers lead to people
  files?: Files | null;
};

/** What one edit sends: the whole graph, the revision it stands on, its number, and who is selected now. */
export type SentGraph = Graph & { edit: number; rev: string | number; selected: string | null; at: number };
export type SentSelection = { id: string | null; at: number };
/** A number that was pressed: who stands at the node, or who left it by the port. */
export type SentPeople = { node: string; port: string | null };

export type FlowNode = Node<{ node: GraphNode }, "card">;
export type FlowEdge = Edge<{ edge: GraphEdge }, "port">;
export type XY = { x: number; y: number };

export const CARD_WIDTH = 248;
export const CARD_HEIGHT = 92;
export const GRID = 10;
export const DRAG_TYPE = "application/x-journey-step";
