// What only decorates: counts, problems, summaries, ports. Cards subscribe to their own slice, so a tick redraws
// the cards whose number changed and nothing else, and no node object is rebuilt.
import { createContext, useContext, useSyncExternalStore } from "react";
import type { CanvasData, Dot, Kind, Port, Problem } from "./types";
import { kindOf } from "./graph";

export type Derived = { summary: string; note: string; ports: Port[] | null };
export type LiveState = {
  kinds: Record<string, Kind>;
  counts: Record<string, number>;
  portCounts: Record<string, Record<string, number>>;
  problems: Record<string, Problem[]>;
  derived: Record<string, Derived>;
  dots: Dot[];
  readonly: boolean;
  dark: boolean;
  pictures: boolean;
  people: boolean;
};

/** The old value where nothing changed, so that identity says whether to redraw. */
function kept<T>(old: T, now: T): T {
  return JSON.stringify(old) === JSON.stringify(now) ? old : now;
}

function keptEntries<T>(old: Record<string, T>, now: Record<string, T>): Record<string, T> {
  return Object.fromEntries(Object.entries(now).map(([id, value]) => [id, id in old ? kept(old[id]!, value) : value]));
}

export class Live {
  state: LiveState = { kinds: {}, counts: {}, portCounts: {}, problems: {}, derived: {}, dots: [], readonly: false, dark: false, pictures: false, people: false };
  private listeners = new Set<() => void>();

  take(data: CanvasData, dark: boolean): void {
    const old = this.state;
    const derived = Object.fromEntries(data.graph.nodes.map((n) => [n.id, { summary: n.summary ?? "", note: n.note ?? "", ports: n.ports ?? null }]));
    this.state = {
      kinds: keptEntries(old.kinds, data.kinds), counts: data.counts ?? {}, portCounts: data.port_counts ?? {},
      problems: keptEntries(old.problems, data.errors ?? {}), derived: keptEntries(old.derived, { ...old.derived, ...derived }),
      dots: kept(old.dots, data.dots ?? []), readonly: data.readonly ?? false, dark,
      pictures: data.pictures ?? false, people: data.people ?? false,
    };
    this.listeners.forEach((tell) => tell());
  }

  subscribe = (tell: () => void) => { this.listeners.add(tell); return () => { this.listeners.delete(tell); }; };
  kind = (type: string) => kindOf(this.state.kinds, type);
  color = (type: string) => { const k = this.kind(type); return (this.state.dark && k.color_dark) || k.color; };
}

export const LiveContext = createContext(new Live());

export function useLive<T>(pick: (state: LiveState) => T): T {
  const live = useContext(LiveContext);
  return useSyncExternalStore(live.subscribe, () => pick(live.state));
}

export function useKind(type: string): Kind & { tint: string } {
  const kind = useLive((s) => s.kinds[type]) ?? kindOf({}, type);
  const dark = useLive((s) => s.dark);
  return { ...kind, tint: (dark && kind.color_dark) || kind.color };
}
