/** Long loops let the event loop run now and then, so that a page stays live and signals arrive. */

/** About half a frame. */
const BUDGET_MS = 8;

/** A function to await in a loop: it returns at once, or after other events if `BUDGET_MS` have passed since it last did. */
export function breather(): () => Promise<void> | undefined {
  let last = performance.now();
  return () => {
    if (performance.now() - last < BUDGET_MS) return undefined;
    return nextTask().then(() => {
      last = performance.now();
    });
  };
}

/** A task, not a timer: browsers hold nested timers back for 4 ms each. */
function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === "function") {
      setImmediate(resolve);
      return;
    }
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
