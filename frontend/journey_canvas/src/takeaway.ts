// A journey to take along. Python draws it when somebody asks, the browser saves it; the PNG is painted from the SVG.
export type Form = "png" | "svg" | "mermaid";
export type Files = { name: string; svg: string; mermaid: string; at: number };

const SHARP = 2, MOST_SIDE_PX = 16_000, MOST_AREA_PX = 60_000_000; // beyond these browsers hand out an empty sheet

function save(name: string, blob: Blob): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name.replace(/[\\/:*?"<>|]/g, "_");
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

async function painted(drawing: Blob): Promise<Blob> {
  const url = URL.createObjectURL(drawing);
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    const { naturalWidth: width, naturalHeight: height } = image;
    const scale = Math.min(SHARP, MOST_SIDE_PX / Math.max(width, height), Math.sqrt(MOST_AREA_PX / (width * height)));
    const sheet = document.createElement("canvas");
    sheet.width = Math.floor(width * scale);
    sheet.height = Math.floor(height * scale);
    sheet.getContext("2d")!.drawImage(image, 0, 0, sheet.width, sheet.height);
    return await new Promise((done, fail) => sheet.toBlob((blob) => (blob ? done(blob) : fail(new Error("the browser painted nothing"))), "image/png"));
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** One thing wanted at a time; what Python hands out goes with several answers, and is taken once. */
export class TakeAway {
  ask: (at: number) => void = () => {};
  private wanted: { at: number; form: Form } | null = null;

  constructor(private say: (text: string) => void) {}

  want(form: Form): void {
    this.wanted = { at: Date.now(), form };
    this.ask(this.wanted.at);
  }

  async receive(files: Files | null | undefined): Promise<void> {
    if (!files || !this.wanted || files.at !== this.wanted.at) return;
    const { form } = this.wanted;
    this.wanted = null;
    try {
      const drawing = new Blob([files.svg], { type: "image/svg+xml" });
      if (form === "mermaid") save(`${files.name}.mmd`, new Blob([files.mermaid], { type: "text/plain" }));
      else save(`${files.name}.${form}`, form === "svg" ? drawing : await painted(drawing));
    } catch (why) {
      this.say(`The picture could not be made: ${(why as Error).message}`);
    }
  }
}
