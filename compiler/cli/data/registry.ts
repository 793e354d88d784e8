/** The user's npm registry: its address as npm itself is configured, and npm as the way in where a plain request is refused. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";

type Env = Readonly<Record<string, string | undefined>>;

const run = promisify(execFile);
const PUBLIC_REGISTRY = "https://registry.npmjs.org/";

async function npm(args: readonly string[], env: Env, signal?: AbortSignal): Promise<string> {
  // On Windows npm is a script, which only a shell can start; the arguments are ours.
  const shell = process.platform === "win32";
  const { stdout } = await run("npm", args, { env: env as NodeJS.ProcessEnv, shell, signal });
  return stdout.trim();
}

/** npm's setting (environment, project, user and global `.npmrc`), ending in a slash. */
export async function registryUrl(env: Env): Promise<string> {
  const configured = await npm(["config", "get", "registry"], env).catch(() => env.npm_config_registry ?? "");
  const url = /^https?:\/\//.test(configured) ? configured : PUBLIC_REGISTRY;
  return url.endsWith("/") ? url : `${url}/`;
}

/** Where registries keep a package's tarball; those that keep it elsewhere are reached through `npm pack`. */
export function tarballUrl(registry: string, name: string, version: string): string {
  return `${registry}${name}/-/${name}-${version}.tgz`;
}

/** Fetches the tarball as npm does, with its credentials, proxy, certificates and cache, into `directory`. */
export async function npmPack(spec: string, directory: string, env: Env, signal: AbortSignal): Promise<void> {
  const options = ["--pack-destination", directory, "--fetch-retries=0"];
  await npm(["pack", spec, "--prefer-offline", "--ignore-scripts", "--loglevel=error", ...options], env, signal);
}

/** npm's reason in one line. */
export function npmReason(error: unknown): string {
  const { stderr, code } = error as { stderr?: string; code?: string };
  if (code === "ENOENT") return "npm is not installed";
  const lines = (stderr ?? "").split("\n").map((line) => line.replace(/^npm (error|ERR!) ?/i, "").trim());
  return (
    lines.filter((line) => line !== "" && !/^(code|errno|syscall) |complete log|^\/.*\.log$/i.test(line))[0] ??
    String(error)
  );
}
