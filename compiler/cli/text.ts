/** Figures and tables as people read them. */

export function thousands(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

export function byteSize(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 2 ** 20) return `${(bytes / 1024).toFixed(1)} KiB`;
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

/** Four decimals, unless that would be a long row of digits. */
export function figure(value: number): string {
  return Math.abs(value) < 1e5 ? value.toFixed(4) : value.toExponential(4);
}

/** `1 epoch`, `1,000 steps` */
export function counted(count: number, noun: string): string {
  return `${thousands(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** `120 ms`, `12.3 s`, `4:05`, `1:02:03` */
export function duration(seconds: number): string {
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  return seconds < 60 ? `${seconds.toFixed(1)} s` : clock(seconds);
}

/** `0:07`, `4:05`, `1:02:03` */
export function clock(seconds: number): string {
  const whole = Math.round(seconds);
  const two = (value: number) => String(value).padStart(2, "0");
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes}:${two(whole % 60)}`;
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(whole % 60)}`;
}

/** Names left, values right of them, in columns. */
export function facts(rows: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}\n`).join("");
}

/** `accuracy 57.12%`, `loss 1.2345` */
export function metricText(name: string, value: number): string {
  return name === "accuracy" ? `${name} ${(100 * value).toFixed(2)}%` : `${name} ${figure(value)}`;
}
