import { defineConfig } from "vite";
import react from "@vitejs/plugin-react";
import { stamp } from "./stamp.ts";

const OUT = "../../static";

export default defineConfig({
  plugins: [react(), stamp(OUT)],
  define: { "process.env.NODE_ENV": JSON.stringify("production") },
  build: {
    lib: { entry: "src/index.tsx", formats: ["es"], fileName: () => "journey_canvas.js", cssFileName: "journey_canvas" },
    outDir: OUT,
    emptyOutDir: false,
    minify: true,
    rolldownOptions: { output: { minify: true } }, // a library build keeps its whitespace otherwise
    reportCompressedSize: false,
  },
});
