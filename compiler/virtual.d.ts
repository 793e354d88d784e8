/** The runtime as artifacts embed it: the text of a script that defines `mlc`. Made by the build (`.config/plugins.mjs`). */
declare module "virtual:runtime" {
  const text: string;
  export default text;
}
