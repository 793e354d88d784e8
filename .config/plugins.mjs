/** What the sources import beside TypeScript, for esbuild (the package) and for vite (the tests). */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { grammar } from "ohm-js";

const root = fileURLToPath(new URL("..", import.meta.url));
/** The runtime as artifacts embed it: minified text. */
const RUNTIME = "virtual:runtime";
const TEXT = /\.md$/;
/** Library files are imported parsed (compiler/1-parse/library.ts). */
const LIBRARY = /\.model$/;
/** A grammar is imported as what ohm makes of it: to read the grammar takes ohm longer than to read a model. */
const GRAMMAR = /\.ohm$/;

async function recipe(path) {
  return `export default ${grammar(await readFile(path, "utf8")).toRecipe()};`;
}

function once(make) {
  let made;
  return () => {
    made ??= make();
    return made;
  };
}

/** What parses library files: bundled, as Node cannot read TypeScript. */
const libraryParser = once(async () => {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: ["compiler/1-parse/library.ts"],
    bundle: true,
    format: "esm",
    platform: "neutral",
    mainFields: ["module", "main"],
    plugins: [esbuildPlugin],
    write: false,
  });
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString("base64")}`);
});

async function parsedLibrary(path) {
  const { packed } = await libraryParser();
  return `export default ${JSON.stringify(packed({ name: path, text: await readFile(path, "utf8") }))};`;
}

/** A script that defines `mlc`, an object of what `runtime/index.ts` exports. */
export async function runtimeText() {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: ["runtime/index.ts"],
    bundle: true,
    minify: true,
    format: "iife",
    globalName: "mlc",
    target: "es2022",
    // A stack trace shows the line that threw.
    lineLimit: 240,
    write: false,
  });
  return outputFiles[0].text;
}

export const esbuildPlugin = {
  name: "mlc-texts",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: new RegExp(`^${RUNTIME}$`) }, () => ({ path: RUNTIME, namespace: "mlc" }));
    onLoad({ filter: /./, namespace: "mlc" }, async () => ({ contents: await runtimeText(), loader: "text" }));
    onLoad({ filter: GRAMMAR }, async ({ path }) => ({ contents: await recipe(path), loader: "js" }));
    onLoad({ filter: LIBRARY }, async ({ path }) => ({ contents: await parsedLibrary(path), loader: "js" }));
    onLoad({ filter: TEXT }, async ({ path }) => ({ contents: await readFile(path, "utf8"), loader: "text" }));
  },
};

export function vitePlugin() {
  const asModule = (text) => `export default ${JSON.stringify(text)};`;
  return {
    name: "mlc-texts",
    enforce: "pre",
    resolveId: (id) => (id === RUNTIME ? `\0${RUNTIME}` : null),
    async load(id) {
      if (id === `\0${RUNTIME}`) return asModule(await runtimeText());
      if (GRAMMAR.test(id)) return recipe(id);
      if (LIBRARY.test(id)) return parsedLibrary(id);
      if (TEXT.test(id)) return asModule(await readFile(id, "utf8"));
    },
  };
}
