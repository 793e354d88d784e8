/**
 * The core's peak rate of f32 multiplications and additions in WASM SIMD: chains acc = acc·c + d in registers, enough of them
 * to hide the latency of both instructions, and nothing else. Run as a script it prints the rate.
 */
import { pathToFileURL } from "node:url";
import wabt from "wabt";

const CHAINS = 12;
/** A multiplication and an addition in each of 4 lanes. */
const FLOPS_OF_STEP = CHAINS * 8;
const REPEATS = 200_000;

function source() {
  const chains = Array.from({ length: CHAINS }, (_, i) => i);
  const step = (i) => `(local.set $a${i} (f32x4.add (f32x4.mul (local.get $a${i}) (local.get $c)) (local.get $d)))`;
  return `(module (func (export "run") (param $n i32) (result f32)
    ${chains.map((i) => `(local $a${i} v128)`).join(" ")} (local $c v128) (local $d v128)
    (local.set $c (f32x4.splat (f32.const 0.999)))
    (local.set $d (f32x4.splat (f32.const 0.001)))
    (loop $again
      ${chains.map(step).join("\n      ")}
      (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (f32x4.extract_lane 0 ${chains.map((i) => `(local.get $a${i})`).reduce((a, b) => `(f32x4.add ${a} ${b})`)})))`;
}

/** The best of many short runs, as other load can only slow them down. */
export async function measurePeak(runs = 60) {
  const { parseWat } = await wabt();
  const module = parseWat("peak.wat", source(), { simd: true });
  const { buffer } = module.toBinary({});
  module.destroy();
  const { run } = new WebAssembly.Instance(new WebAssembly.Module(buffer)).exports;
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < runs; i++) {
    const start = performance.now();
    run(REPEATS);
    best = Math.min(best, performance.now() - start);
  }
  return { gflops: (FLOPS_OF_STEP * REPEATS) / best / 1e6 };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) console.log(JSON.stringify(await measurePeak()));
