import { createContext } from "react";
import { Editor } from "./editor";
import { Live } from "./live";

export const EditorContext = createContext(new Editor(new Live()));
