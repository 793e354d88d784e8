/** The grammar is bundled as ohm's recipe of it, the library parsed, the catalogue of messages as text. */
declare module "*.ohm" {
  const recipe: readonly unknown[];
  export default recipe;
}
declare module "*.model" {
  const file: import("./1-parse/library.ts").PackedFile;
  export default file;
}
declare module "*.md" {
  const text: string;
  export default text;
}
