import { memo, useContext } from "react";
import { BaseEdge, EdgeLabelRenderer, getSmoothStepPath, type EdgeProps } from "@xyflow/react";
import { number } from "./Card";
import { EditorContext } from "./context";
import { useLive } from "./live";
import type { FlowEdge } from "./types";

function PortEdgeView(p: EdgeProps<FlowEdge>) {
  const editor = useContext(EditorContext);
  const count = useLive((s) => s.portCounts[p.source]?.[p.sourceHandleId ?? "next"]);
  const readonly = useLive((s) => s.readonly);
  const [path, midX, midY] = getSmoothStepPath({ ...p, borderRadius: 14, offset: 24 });
  const at = (x: number, y: number) => ({ transform: `translate(-50%, -50%) translate(${x}px, ${y}px)` });
  return (
    <>
      <BaseEdge id={p.id} path={path} markerEnd={p.markerEnd} interactionWidth={26} />
      {(count != null || (p.selected && !readonly)) && (
        <EdgeLabelRenderer>
          {count != null && (
            <div className="jc-flowcount" data-edge={p.id} style={at(p.sourceX, p.sourceY + 24)} title={`${number(count)} people went this way`}>{number(count)}</div>
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
