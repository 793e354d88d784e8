/** `data image_folder("photos/train")`: one folder a class, as torchvision's ImageFolder; all pictures decoded once, into memory. */
import { type Dirent, readdirSync, realpathSync, statSync } from "node:fs";
import { totalmem } from "node:os";
import { join } from "node:path";
import { fileError, Interrupted, UserError } from "../errors.ts";
import { readWhole } from "../files.ts";
import type { Io } from "../io.ts";
import { openBar } from "../progress.ts";
import { byteSize, counted } from "../text.ts";
import { decodePicture } from "./image.ts";
import { middleBox, resizePlanes } from "./resize.ts";
import { datasetSamples, type Samples } from "./samples.ts";

export interface PictureSize {
  readonly channels: 1 | 3;
  readonly height: number;
  readonly width: number;
  /** `stretch` changes the proportions, `crop` takes the largest part in the middle that has them. */
  readonly fit: "stretch" | "crop";
}

/** A picture file as planes of the wanted size. */
export function readPicture(path: string, { channels, height, width, fit }: PictureSize): Uint8Array {
  const picture = decodePicture(bytesOf(path), channels);
  return resizePlanes(picture, width, height, fit === "crop" ? middleBox(picture, width, height) : undefined);
}

function bytesOf(path: string): Uint8Array {
  try {
    return readWhole(path);
  } catch (error) {
    throw fileError(error, "it cannot be read");
  }
}

const PICTURE = /\.(png|jpe?g)$/i;
const OTHER_PICTURE = /\.(gif|webp|bmp|tiff?|avif|heic|ppm|pgm)$/i;

const byCodePoints = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

/** Names without those that begin with a dot, sorted as torchvision does. */
function listing(folder: string): Dirent[] {
  const entries = readdirSync(folder, { withFileTypes: true });
  return entries.filter(({ name }) => !name.startsWith(".")).sort((a, b) => byCodePoints(a.name, b.name));
}

/** Follows links; one that leads nowhere counts as a file, and is reported when it is read. */
const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;

/** The classes: the folder's own folders. */
export function classesIn(folder: string): string[] {
  const names = attempt(folder, () => listing(folder).filter(({ name }) => isFolder(join(folder, name))));
  if (names.length === 0) {
    const help = "It must have a folder for each class, with the pictures of that class.";
    throw new UserError("data-folder", `${folder} has no folders: there are no classes`, help);
  }
  const found = names.map(({ name }) => name);
  const split = found.find((name) => /^(train|training)$/i.test(name));
  if (split !== undefined && found.every((name) => /^(train|training|val|valid|validation|test|eval)$/i.test(name))) {
    const others = found.filter((name) => name !== split).map((name) => `, eval = "${join(folder, name)}"`);
    const help = `Name the folder above the classes: image_folder("${join(folder, split)}"${others[0] ?? ""}).`;
    throw new UserError(
      "data-folder",
      `${folder} has the folders ${found.join(", ")}: these are splits, not classes`,
      help,
    );
  }
  return found;
}

interface PictureFile {
  readonly path: string;
  readonly label: number;
}

/** The pictures of all classes, each class's in the order of their paths; `others` counts files of formats that are not read. */
function picturesIn(folder: string, classes: readonly string[]): { files: PictureFile[]; others: string[] } {
  const files: PictureFile[] = [];
  const others: string[] = [];
  for (const [label, name] of classes.entries()) {
    const path = join(folder, name);
    if (!isFolder(path)) continue;
    const before = files.length;
    const add = (file: string) => {
      if (PICTURE.test(file)) files.push({ path: file, label });
      else if (OTHER_PICTURE.test(file)) others.push(file);
    };
    attempt(path, () => walk(path, add, new Set()));
    if (files.length > before) continue;
    throw new UserError(
      "data-folder",
      `the class folder ${path} has no PNG or JPEG pictures`,
      "Put some there, or remove the folder.",
    );
  }
  return { files, others };
}

/** All files below a folder. A folder that links lead to again is entered once on the way down. */
function walk(folder: string, add: (file: string) => void, above: ReadonlySet<string>): void {
  const real = realpathSync(folder);
  if (above.has(real)) return;
  const inside = new Set([...above, real]);
  for (const { name } of listing(folder)) {
    const path = join(folder, name);
    if (isFolder(path)) walk(path, add, inside);
    else add(path);
  }
}

/** A picture itself, or all pictures below a folder. */
export function picturesOf(path: string): string[] {
  if (!isFolder(path)) return [path];
  const files: string[] = [];
  const add = (file: string) => {
    if (PICTURE.test(file)) files.push(file);
  };
  attempt(path, () => walk(path, add, new Set()));
  if (files.length > 0) return files;
  throw new UserError(
    "data-folder",
    `the folder ${path} has no PNG or JPEG pictures`,
    "Name pictures, or another folder.",
  );
}

/** Broken files that are named. */
const MOST_NAMED = 10;

export async function openFolder(
  folder: string,
  classes: readonly string[],
  size: PictureSize,
  { io, quiet }: { readonly io: Io; readonly quiet?: boolean },
): Promise<Samples> {
  const surplus = classesIn(folder).filter((name) => !classes.includes(name));
  if (surplus.length > 0) {
    const message = `${folder} has the classes ${surplus.join(", ")}, which the training folder does not have`;
    throw new UserError("data-folder", message, `Its folders must be among ${classes.join(", ")}.`);
  }
  const { files, others } = picturesIn(folder, classes);
  if (others.length > 0 && !quiet) {
    io.stderr.write(`note: left out ${counted(others.length, "file")} that are no PNG or JPEG, such as ${others[0]}\n`);
  }
  const { channels, height, width } = size;
  const bytes = channels * height * width;
  if (files.length * bytes > totalmem() * 0.75) {
    const need = `${counted(files.length, "picture")} of ${channels}x${height}x${width} take ${byteSize(files.length * bytes)}`;
    throw new UserError(
      "data-size",
      `${need}, more than this machine's memory holds`,
      "Take a smaller size, or fewer.",
    );
  }
  const images = new Uint8Array(files.length * bytes);
  const broken: string[] = [];
  const bar = openBar(io, { quiet });
  try {
    for (const [i, { path }] of files.entries()) {
      if (i % 16 === 0) {
        bar.update(i / files.length, `reading ${folder}`);
        await new Promise(setImmediate);
        if (io.interrupt.aborted) throw new Interrupted();
      }
      try {
        images.set(readPicture(path, size), i * bytes);
      } catch (error) {
        broken.push(`  ${path}: ${(error as Error).message}`);
      }
    }
  } finally {
    bar.close();
  }
  refuseBroken(broken);
  const labels = Int32Array.from(files, ({ label }) => label);
  const shape = [channels, height, width];
  return datasetSamples({ length: files.length, images, labels, shape, classes: classes.length, names: classes });
}

function refuseBroken(broken: readonly string[]): void {
  if (broken.length === 0) return;
  const named = broken.slice(0, MOST_NAMED);
  if (broken.length > MOST_NAMED) named.push(`  and ${broken.length - MOST_NAMED} more`);
  throw new UserError(
    "data-broken",
    `${counted(broken.length, "picture")} cannot be read:\n${named.join("\n")}`,
    "Mend the files, or take them out of the folder.",
  );
}

function attempt<T>(folder: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw fileError(error, `cannot read the folder ${folder}`);
  }
}
