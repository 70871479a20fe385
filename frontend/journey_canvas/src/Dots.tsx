// People drawn as dots. A dot rests on its node and walks along the edges when Python says it is elsewhere.
import { useContext, useEffect, useLayoutEffect, useRef } from "react";
import { useStore, ViewportPortal } from "@xyflow/react";
import { EditorContext } from "./context";
import { route } from "./graph";
import { useLive } from "./live";
import type { Dot, XY } from "./types";

const HOP_MS = 900, LONGEST_MS = 2400, FRAME_MS = 60, STEPS_PER_EDGE = 24;
const calm = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;
const ease = (t: number) => (t < 0.5 ? 2 * t * t : 1 - (-2 * t + 2) ** 2 / 2);

function pointsAlong(root: ParentNode, edgeIds: string[]): XY[] {
  return edgeIds.flatMap((id) => {
    const path = root.querySelector<SVGPathElement>(`.react-flow__edge[data-id="${CSS.escape(id)}"] .react-flow__edge-path`);
    if (!path) return [];
    const length = path.getTotalLength();
    return Array.from({ length: STEPS_PER_EDGE + 1 }, (_, i) => path.getPointAtLength((length * i) / STEPS_PER_EDGE));
  });
}

function lengths(points: XY[]): number[] {
  const sums = [0];
  for (let i = 1; i < points.length; i += 1) sums.push(sums[i - 1]! + Math.hypot(points[i]!.x - points[i - 1]!.x, points[i]!.y - points[i - 1]!.y));
  return sums;
}

function pointAt(points: XY[], sums: number[], share: number): XY {
  const want = share * sums[sums.length - 1]!;
  const i = Math.max(1, sums.findIndex((s) => s >= want));
  const a = points[i - 1]!, b = points[i] ?? a, span = sums[i]! - sums[i - 1]! || 1;
  const t = (want - sums[i - 1]!) / span;
  return { x: a.x + (b.x - a.x) * t, y: a.y + (b.y - a.y) * t };
}

function Mark({ dot, slot, of }: { dot: Dot; slot: number; of: number }) {
  const editor = useContext(EditorContext);
  const mark = useRef<HTMLDivElement>(null);
  const spot = useRef<XY | null>(null);
  const node = useRef(dot.node);
  const frame = useRef(0);
  const home = useStore((s) => {
    const n = s.nodeLookup.get(dot.node);
    return n ? `${n.internals.positionAbsolute.x},${n.internals.positionAbsolute.y}` : "";
  });
  const put = (p: XY) => { spot.current = p; mark.current!.style.transform = `translate(${p.x}px, ${p.y}px) translate(-50%, -50%)`; };

  useLayoutEffect(() => {
    if (!home) return;
    const [x, y] = home.split(",").map(Number) as [number, number];
    const rest = { x: x + (of > 1 ? 22 : 36) + slot * Math.min(27, 190 / of), y };
    const from = node.current;
    node.current = dot.node;
    if (from === dot.node && frame.current) return; // still walking; it stops at its node
    if (from === dot.node || !spot.current || calm()) { put(rest); return; }
    cancelAnimationFrame(frame.current);
    const way = route(editor.edges, from, dot.node);
    const points = [spot.current, ...pointsAlong(mark.current!.getRootNode() as ParentNode, way.map((e) => e.id)), rest];
    const sums = lengths(points), lasts = Math.min(LONGEST_MS, HOP_MS * Math.max(1, way.length));
    let gone = 0, last = performance.now();
    const walk = (now: number) => {
      gone += Math.min(FRAME_MS, Math.max(0, now - last)); // a browser that stalls delays the dot, it does not make it jump
      last = now;
      const t = Math.min(1, gone / lasts);
      if (mark.current) put(pointAt(points, sums, ease(t)));
      frame.current = t < 1 ? requestAnimationFrame(walk) : 0;
    };
    frame.current = requestAnimationFrame(walk);
  }, [home, dot.node, slot, of, editor]);
  useEffect(() => () => cancelAnimationFrame(frame.current), []);

  return (
    <div ref={mark} className={of > 1 ? "jc-dot small" : "jc-dot"} data-dot={dot.id} data-node={dot.node} title={dot.label} role="img"
      aria-label={`${dot.label} is at ${editor.titleOf(dot.node)}`} hidden={!home}>
      <span className="jc-icon" aria-hidden>person</span><span className="jc-dot-label">{dot.label}</span>
    </div>
  );
}

export function Dots() {
  const dots = useLive((s) => s.dots);
  const there = (d: Dot) => dots.filter((o) => o.node === d.node);
  return <ViewportPortal>{dots.map((d) => <Mark key={d.id} dot={d} slot={there(d).indexOf(d)} of={there(d).length} />)}</ViewportPortal>;
}
