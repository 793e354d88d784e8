/** The example page, as a visitor uses it. */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, test } from "vitest";
import { artifact, directoryOf } from "../e2e/artifact.ts";
import { findChromium, launch, serve } from "./browser.ts";

const chromium = findChromium();
const examples = new URL("../../docs/examples/", import.meta.url).pathname;

function built(): string {
  const directory = directoryOf({});
  cpSync(join(examples, "browser"), directory, { recursive: true, filter: (path) => !path.includes("dist") });
  mkdirSync(join(directory, "dist"));
  const files = artifact(readFileSync(join(examples, "shapes.model"), "utf8"), { name: "shapes" });
  for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, "dist", name), content);
  return directory;
}

/** How much of the chart has the colour of the smoothed line. */
const drawn = (page: Page) =>
  page.locator("#chart").evaluate((chart) => {
    const canvas = chart as unknown as {
      width: number;
      height: number;
      getContext(kind: string): { getImageData(...at: number[]): { data: Uint8Array } };
    };
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let blue = 0;
    for (let i = 0; i < data.length; i += 4) if (data[i + 2] > 200 && data[i] < 60 && data[i + 3] > 200) blue++;
    return blue;
  });
const step = async (page: Page) => Number(await page.textContent("#step"));
const until = (page: Page, n: number) =>
  page.waitForFunction((least) => Number(document.getElementById("step")?.textContent) >= least, n, {
    timeout: 60_000,
  });

describe.skipIf(chromium === null)("the example page", () => {
  let page: Page;
  const complaints: string[] = [];
  beforeAll(async () => {
    const browser = await launch(chromium!);
    page = await browser.newPage({ viewport: { width: 1000, height: 1150 } });
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    await page.goto(await serve(built()));
    await page.getByRole("button", { name: "Start", exact: true }).and(page.locator(":enabled")).waitFor();
  });

  test("draws the curve while it trains", async () => {
    expect(await drawn(page)).toBe(0);
    await page.click("#toggle");
    await until(page, 40);
    // The chart follows at the next frame of the page.
    await expect.poll(() => drawn(page)).toBeGreaterThan(20);
    const early = await drawn(page);
    await until(page, 120);
    await expect.poll(() => drawn(page)).toBeGreaterThan(early);
    expect(Number((await page.textContent("#rate"))!.replace(/\D/g, ""))).toBeGreaterThan(0);
  });

  test("stops at the button, and goes on at the next", async () => {
    await page.click("#toggle");
    await page.getByText("Stopped").waitFor();
    const stopped = await step(page);
    await page.waitForTimeout(300);
    expect(await step(page)).toBe(stopped);
    await page.click("#toggle");
    await until(page, stopped + 20);
  });

  test("learns to tell the pictures apart", async () => {
    await page.getByText("Trained", { exact: true }).waitFor({ timeout: 90_000 });
    expect(await step(page)).toBe(512);
    expect(Number.parseFloat((await page.textContent("#accuracy"))!)).toBeGreaterThan(90);
    expect(await page.locator(".pictures .right").count()).toBeGreaterThanOrEqual(8);
    if (process.env.SCREENSHOTS) await page.screenshot({ path: join(process.env.SCREENSHOTS, "trained.png") });
  });

  test("saves the weights, starts over, and loads them", async () => {
    const [download] = await Promise.all([page.waitForEvent("download"), page.click("#save")]);
    const path = await download.path();
    await page.click("#restart");
    await page.getByText("2048 pictures to train on").waitFor();
    expect(await page.locator(".pictures .right").count()).toBeLessThan(8);
    await page.setInputFiles("#load", path);
    await page.getByText("Loaded").waitFor();
    expect(await page.locator(".pictures .right").count()).toBeGreaterThanOrEqual(8);
    expect(complaints).toEqual([]);
  });
});
