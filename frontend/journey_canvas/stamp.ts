// Written beside the bundle at build time: what it was built from, what came out, and whose work is inside.
import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join, sep } from "node:path";
import type { Plugin } from "vite";

const ROOTS = ["package.json", "package-lock.json", "tsconfig.json", "vite.config.ts", "stamp.ts", "src"];
const LICENSE = /^(licen[cs]e|copying)(\.\w+)?$/i;

function filesUnder(path: string): string[] {
  const entries = readdirSync(path, { withFileTypes: true });
  return entries.flatMap((e) => (e.isDirectory() ? filesUnder(join(path, e.name)) : [join(path, e.name)]));
}

/** One hash over path and content of every source, in path order; tests/pages/test_canvas_bundle.py computes the same. */
export function sourcesHash(): string {
  const paths = ROOTS.flatMap((r) => (r === "src" ? filesUnder(r) : [r])).map((p) => p.split(sep).join("/")).sort();
  const hash = createHash("sha256");
  for (const path of paths) hash.update(`${path}\0`).update(readFileSync(path)).update("\0");
  return hash.digest("hex");
}

function packageOf(moduleId: string): string | undefined {
  const tail = moduleId.split("node_modules/").pop();
  if (!tail || !moduleId.includes("node_modules/")) return undefined;
  return tail.split("/").slice(0, tail.startsWith("@") ? 2 : 1).join("/");
}

function licenseOf(name: string): string {
  const dir = join("node_modules", name);
  const about = JSON.parse(readFileSync(join(dir, "package.json"), "utf8")) as { version: string; license?: string };
  const file = existsSync(dir) ? readdirSync(dir).find((f) => LICENSE.test(f)) : undefined;
  const text = file ? readFileSync(join(dir, file), "utf8").trim() : "";
  return `${name} ${about.version} (${about.license ?? "see text"})\n\n${text}\n`;
}

export function stamp(outDir: string): Plugin {
  const packages = new Set<string>();
  return {
    name: "stamp",
    generateBundle(_, bundle) {
      for (const part of Object.values(bundle)) {
        if (part.type !== "chunk") continue;
        for (const id of part.moduleIds) { const name = packageOf(id); if (name) packages.add(name); }
      }
    },
    closeBundle() {
      const built = (name: string) => createHash("sha256").update(readFileSync(join(outDir, name))).digest("hex");
      const lines = [`${sourcesHash()}  sources`, ...["journey_canvas.js", "journey_canvas.css"].map((n) => `${built(n)}  ${n}`)];
      writeFileSync(join(outDir, "journey_canvas.sources.sha256"), `${lines.join("\n")}\n`);
      const rule = `\n${"-".repeat(78)}\n\n`;
      writeFileSync(join(outDir, "journey_canvas.licenses.txt"), [...packages].sort().map(licenseOf).join(rule));
    },
  };
}
