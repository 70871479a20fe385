import { memo, useContext, useEffect, type CSSProperties, type MouseEvent, type ReactNode } from "react";
import { Handle, Position, useStore, useUpdateNodeInternals, type NodeProps } from "@xyflow/react";
import { isPassed, portsOf } from "./graph";
import { EditorContext } from "./context";
import { useKind, useLive } from "./live";
import { CARD_WIDTH, type FlowNode, type Port, type Problem } from "./types";

const PORT_WIDTH = 94;
const NO_PROBLEMS: Problem[] = [];
export const number = (n: number) => n.toLocaleString("en-US");

function Problems({ list }: { list: Problem[] }) {
  if (list.length === 0) return null;
  const worst = list.some((p) => p.severity === "error") ? "error" : "warning";
  const text = list.map((p) => p.message).join(" ");
  return (
    <div className={`jc-badge ${worst}`} tabIndex={0} role="img" aria-label={`${worst === "error" ? "Error" : "Warning"}: ${text}`}>
      <span className="jc-icon" aria-hidden>{worst === "error" ? "priority_high" : "warning"}</span>
      <ul className="jc-tip" role="tooltip">{list.map((p, i) => <li key={i} className={p.severity}>{p.message}</li>)}</ul>
    </div>
  );
}

/** A number of people. Where Python can tell who they are, it leads to them. */
export function Count({ className, node, port, title, children, ...more }: {
  className: string; node: string; port?: string; title: string; children: ReactNode; style?: CSSProperties; "data-edge"?: string;
}) {
  const editor = useContext(EditorContext);
  const leads = useLive((s) => s.people);
  if (!leads) return <span className={className} title={title} aria-label={title} role="img" {...more}>{children}</span>;
  const show = (e: MouseEvent) => { e.stopPropagation(); editor.out.people({ node, port: port ?? null }); };
  return (
    <button type="button" className={`${className} nodrag nopan`} title={`${title}: see who`} aria-label={`${title}: see who`} onClick={show} {...more}>{children}</button>
  );
}

function OutPort({ port, title, count, focusable, onEnter }: {
  port: Port & { stray?: boolean }; title: string; count?: number; focusable: boolean; onEnter: () => void;
}) {
  const label = port.label || "next step";
  return (
    <div className={`jc-port${port.stray ? " stray" : ""}${port.label ? "" : " bare"}`} title={port.stray ? `This step no longer has a port “${label}”.` : undefined}>
      {port.label && <span className="jc-port-label">{port.label}</span>}
      <Handle type="source" position={Position.Bottom} id={port.id} tabIndex={focusable ? 0 : -1} role="button"
        aria-label={`${label} of ${title}${count ? `, ${number(count)} people` : ""}: press Enter to connect`}
        onKeyDown={(e) => { if (e.key === "Enter") { e.preventDefault(); e.stopPropagation(); onEnter(); } }} />
    </div>
  );
}

/** The edges leaving a node, as one string, so that a card redraws only when its own ports are taken or freed. */
function useUsedPorts(id: string): string[] {
  const joined = useStore((s) => [...(s.connectionLookup.get(`${id}-source`)?.values() ?? [])].map((c) => c.sourceHandle ?? "next").join("\n"));
  return joined ? joined.split("\n") : [];
}

function CardView({ id, data, selected }: NodeProps<FlowNode>) {
  const editor = useContext(EditorContext);
  const kind = useKind(data.node.type);
  const derived = useLive((s) => s.derived[id]);
  const count = useLive((s) => s.counts[id]);
  const flow = useLive((s) => s.portCounts[id]);
  const problems = useLive((s) => s.problems[id]) ?? NO_PROBLEMS;
  const readonly = useLive((s) => s.readonly);
  const ports = portsOf(kind, derived?.ports ?? data.node.ports, useUsedPorts(id));
  const shown = ports.map((p) => `${p.id}\0${p.label}`).join("\n");
  const remeasure = useUpdateNodeInternals();
  useEffect(() => remeasure(id), [shown, id, remeasure]);
  const summary = derived?.summary || data.node.summary, note = derived?.note || data.node.note;
  const worst = problems.some((p) => p.severity === "error") ? " bad" : problems.length ? " warned" : "";
  const labelled = ports.some((p) => p.label);
  return (
    <div className={`jc-card shape-${kind.shape ?? "step"}${selected ? " selected" : ""}${worst}`}
      style={{ ["--k" as string]: kind.tint, width: Math.max(CARD_WIDTH, ports.length * PORT_WIDTH + 16) }}>
      {isPassed(kind) && <Handle type="target" position={Position.Top} id="in" aria-label={`Into ${data.node.title}`} tabIndex={-1} />}
      <div className="jc-main">
        <span className="jc-icon jc-tile" aria-hidden>{kind.icon}</span>
        <div className="jc-text">
          <div className="jc-head"><span className="jc-kind">{kind.label}</span>
            {count != null && count > 0 && (
              <Count className="jc-count" node={id} title={`${number(count)} ${count === 1 ? "person is" : "people are"} here now`}>
                <span className="jc-icon" aria-hidden>person</span>{number(count)}
              </Count>
            )}
          </div>
          <div className="jc-title" title={data.node.title}>{data.node.title}</div>
          <div className="jc-summary" title={summary}>{summary || "\u00a0" /* the line is kept: ports must not move when it comes */}</div>
        </div>
      </div>
      {note && <div className="jc-note" title={note}><span className="jc-icon" aria-hidden>sticky_note_2</span><span>{note}</span></div>}
      {ports.length > 0 && (
        <div className={labelled ? "jc-ports" : "jc-ports bare"}>
          {ports.map((p) => <OutPort key={p.id} port={p} title={data.node.title} count={flow?.[p.id]} focusable={!!selected && !readonly} onEnter={() => editor.startLink(id, p.id)} />)}
        </div>
      )}
      <Problems list={problems} />
    </div>
  );
}

export const Card = memo(CardView);
