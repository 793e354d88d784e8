import type { Plugin } from "vitest/config";

export declare function runtimeText(): Promise<string>;
export declare function vitePlugin(): Plugin;
