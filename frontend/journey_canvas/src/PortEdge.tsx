import { memo, useContext } from "react";
import { BaseEdge, EdgeLabelRenderer, getSmoothStepPath, type EdgeProps } from "@xyflow/react";
import { Count, number } from "./Card";
import { EditorContext } from "./context";
import { useLive } from "./live";
import type { FlowEdge } from "./types";

/** The outcome rate of a step with several ways out. */
function share(count: number, total: number): string {
  return total > count ? ` · ${Math.round((100 * count) / total)} %` : "";
}

/** The more of those who entered went this way, the thicker the line: where it gets thin, people were lost. */
function heat(count: number | undefined, entered: number): { strokeWidth?: number } {
  return count == null || !entered ? {} : { strokeWidth: 1.5 + 4.5 * Math.sqrt(Math.min(1, count / entered)) };
}

function PortEdgeView(p: EdgeProps<FlowEdge>) {
  const editor = useContext(EditorContext);
  const count = useLive((s) => s.portCounts[p.source]?.[p.sourceHandleId ?? "next"]);
  const total = useLive((s) => Object.values(s.portCounts[p.source] ?? {}).reduce((sum, n) => sum + n, 0));
  const entered = useLive((s) => s.portCounts["(start)"]?.["next"] ?? 0);
  const readonly = useLive((s) => s.readonly);
  const [path, midX, midY] = getSmoothStepPath({ ...p, borderRadius: 14, offset: 24 });
  const at = (x: number, y: number) => ({ transform: `translate(-50%, -50%) translate(${x}px, ${y}px)` });
  return (
    <>
      <BaseEdge id={p.id} path={path} markerEnd={p.markerEnd} interactionWidth={26} style={heat(count, entered)} />
      {(count != null || (p.selected && !readonly)) && (
        <EdgeLabelRenderer>
          {count != null && (
            <Count className="jc-flowcount" node={p.source} port={p.sourceHandleId ?? "next"} data-edge={p.id} style={at(p.sourceX, p.sourceY + 24)}
              title={`${number(count)} ${count === 1 ? "person" : "people"} went this way`}>{number(count)}{share(count, total)}</Count>
          )}
          {p.selected && !readonly && (
            <button className="jc-cut nodrag nopan" style={at(midX, midY)} aria-label="Remove this connection" title="Remove this connection (Delete)" onClick={() => editor.removeEdge(p.id)}>
              <span className="jc-icon" aria-hidden>close</span>
            </button>
          )}
        </EdgeLabelRenderer>
      )}
    </>
  );
}

export const PortEdge = memo(PortEdgeView);
