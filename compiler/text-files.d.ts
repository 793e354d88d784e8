/** The grammar is bundled as ohm's recipe of it; the library and the catalogue of messages as text. */
declare module "*.ohm" {
  const recipe: readonly unknown[];
  export default recipe;
}
declare module "*.model" {
  const text: string;
  export default text;
}
declare module "*.md" {
  const text: string;
  export default text;
}
