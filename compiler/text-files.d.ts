/** Files that are bundled as text: the grammar, the library, the catalogue of messages. */
declare module "*.ohm" {
  const text: string;
  export default text;
}
declare module "*.model" {
  const text: string;
  export default text;
}
declare module "*.md" {
  const text: string;
  export default text;
}
