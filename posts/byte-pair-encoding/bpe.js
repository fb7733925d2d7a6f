// Byte-pair encoding as bpe.py does it, for the article's interactive figures.
// tests/browser/test_bpe_demo.py compares the two on worked, hostile and random input.

const printable = (byte) => (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
const ALL = Array.from({ length: 256 }, (_, byte) => byte);

// Ids 0 to 255 are the bytes in GPT-2's order, printable ones first.
export const BYTE_ORDER = [...ALL.filter(printable), ...ALL.filter((byte) => !printable(byte))];
const ID_OF_BYTE = [];
BYTE_ORDER.forEach((byte, id) => { ID_OF_BYTE[byte] = id; });

// GPT-2's pattern. Not \s: JavaScript's counts U+FEFF and lacks U+0085, unlike Unicode's property.
// Which characters are letters or numbers is the browser's Unicode; up to version 16 it is bpe.py's too.
const PIECE = new RegExp("'(?:[sdmt]|ll|ve|re)| ?\\p{L}+| ?\\p{N}+| ?[^\\p{White_Space}\\p{L}\\p{N}]+"
  + "|\\p{White_Space}+(?!\\P{White_Space})|\\p{White_Space}+", "gu");

export const preTokenize = (text) => text.match(PIECE) ?? [];

// A lone surrogate, which UTF-8 cannot express, becomes U+FFFD here, as in bpe.py.
const utf8 = new TextEncoder();
export const toBytes = (text) => utf8.encode(text);
export const toIds = (text) => Array.from(toBytes(text), (byte) => ID_OF_BYTE[byte]);

// A pair of ids as one number; sorts as the pair does. GPT-2 has 50,257 ids.
const WIDTH = 65536;
const keyOf = (left, right) => left * WIDTH + right;
export const pairOf = (key) => [Math.floor(key / WIDTH), key % WIDTH];

// ---------------------------------------------------------------- encoding

// A binary heap of numbers, smallest first.
function push(heap, value) {
  let i = heap.length;
  while (i > 0) {
    const parent = (i - 1) >> 1;
    if (heap[parent] <= value) break;
    heap[i] = heap[parent];
    i = parent;
  }
  heap[i] = value;
}

function pop(heap) {
  const top = heap[0];
  const last = heap.pop();
  const size = heap.length;
  if (size === 0) return top;
  let i = 0;
  for (let child = 1; child < size; child = 2 * i + 1) {
    if (child + 1 < size && heap[child + 1] < heap[child]) child += 1;
    if (heap[child] >= last) break;
    heap[i] = heap[child];
    i = child;
  }
  heap[i] = last;
  return top;
}

const PLACES = 2 ** 32; // a heap entry is new id * PLACES + place

// Merges one piece: always the pair learned earliest, the leftmost of those. O(n log n).
// Gives the ids, and each merge in order as [new id, where its left part began, in bytes].
function mergePiece(piece, becomes) {
  const ids = toIds(piece);
  const size = ids.length;
  const next = ids.map((_, i) => i + 1);
  const previous = ids.map((_, i) => i - 1);
  const steps = [];
  const heap = [];
  const propose = (i, j) => {
    const id = i >= 0 && j < size ? becomes.get(keyOf(ids[i], ids[j])) : undefined;
    if (id !== undefined) push(heap, id * PLACES + i);
  };
  for (let i = 0; i + 1 < size; i += 1) propose(i, i + 1);
  while (heap.length > 0) {
    const entry = pop(heap);
    const id = Math.floor(entry / PLACES);
    const i = entry % PLACES;
    const j = next[i];
    // Out of date if a part has been merged since; -1 marks what a merge took.
    if (ids[i] < 0 || j >= size || becomes.get(keyOf(ids[i], ids[j])) !== id) continue;
    ids[i] = id;
    ids[j] = -1;
    next[i] = next[j];
    if (next[i] < size) previous[next[i]] = i;
    steps.push([id, i]);
    propose(i, next[i]);
    propose(previous[i], i);
  }
  return { ids: ids.filter((id) => id >= 0), steps };
}

const CACHED_CHARACTERS = 2 ** 20;

export class Encoder {
  // `merges`: an ArrayBuffer, the two ids of each merge as little-endian 16-bit numbers.
  constructor(merges) {
    const view = new DataView(merges);
    this.pairs = Array.from({ length: merges.byteLength / 4 },
      (_, rank) => [view.getUint16(4 * rank, true), view.getUint16(4 * rank + 2, true)]);
    this.becomes = new Map(this.pairs.map(([left, right], rank) => [keyOf(left, right), 256 + rank]));
    this.cache = new Map();
    this.cached = 0;
    this.merged = 0; // pieces that were not in the cache: a test watches that typing makes few
  }

  // A piece's {ids, steps}.
  piece(piece) {
    let found = this.cache.get(piece);
    if (found === undefined) {
      found = mergePiece(piece, this.becomes);
      this.merged += 1;
      this.cached += piece.length;
      if (this.cached > CACHED_CHARACTERS) {
        this.cache.clear();
        this.cached = piece.length;
      }
      this.cache.set(piece, found);
    }
    return found;
  }

  encode(text) {
    return preTokenize(text).flatMap((piece) => this.piece(piece).ids);
  }

  bytes(id) {
    return id < 256 ? [BYTE_ORDER[id]] : this.pairs[id - 256].flatMap((part) => this.bytes(part));
  }
}

// ---------------------------------------------------------------- training

// The distinct pieces in the order of the text: [{ids, count}].
export function countWords(text) {
  const counts = new Map();
  for (const piece of preTokenize(text)) counts.set(piece, (counts.get(piece) ?? 0) + 1);
  return Array.from(counts, ([piece, count]) => ({ ids: toIds(piece), count }));
}

// [{key, count}] of all pairs, the next to merge first: most frequent, then smallest pair of ids.
export function countPairs(words) {
  const counts = new Map();
  for (const { ids, count } of words) {
    for (let i = 0; i + 1 < ids.length; i += 1) {
      const key = keyOf(ids[i], ids[i + 1]);
      counts.set(key, (counts.get(key) ?? 0) + count);
    }
  }
  return Array.from(counts, ([key, count]) => ({ key, count })).sort((a, b) => b.count - a.count || a.key - b.key);
}

function replace(ids, key, id) {
  for (let i = 0; i + 1 < ids.length; i += 1) {
    if (keyOf(ids[i], ids[i + 1]) === key) ids.splice(i, 2, id);
  }
}

// Up to `limit` merges of a text: the pairs, and the words after the last of them.
export function train(text, limit) {
  const words = countWords(text);
  const merges = [];
  while (merges.length < limit) {
    const [best] = countPairs(words);
    if (best === undefined) break;
    for (const { ids } of words) replace(ids, best.key, 256 + merges.length);
    merges.push(pairOf(best.key));
  }
  return { merges, words };
}

// ---------------------------------------------------------------- showing

// UTF-8 must be valid, and a leading U+FEFF stays.
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const hex = (number, digits) => number.toString(16).toUpperCase().padStart(digits, "0");

function visible(character, index = 1) {
  const code = character.codePointAt(0);
  if (character === " ") return "␣";
  if (character === "\n") return "⏎";
  if (character === "\t") return "⇥";
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  if (/[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}]/u.test(character)) return `U+${hex(code, 4)}`;
  return index === 0 && /\p{M}/u.test(character) ? `◌${character}` : character;
}

// A piece before its first merge, to which `apply` does one step after another:
// each symbol's id and size stand where it begins, and size 0 where none does.
export function unmerged(piece) {
  const ids = toIds(piece);
  return { ids, sizes: ids.map(() => 1) };
}

export function apply({ ids, sizes }, [id, place]) {
  const right = place + sizes[place];
  ids[place] = id;
  sizes[place] += sizes[right];
  sizes[right] = 0;
}

// A token's bytes for the eye: {text, whole}. Where they are no whole characters, those beyond ASCII stand as numbers.
export function show(bytes) {
  try {
    return { text: Array.from(strict.decode(Uint8Array.from(bytes)), visible).join(""), whole: true };
  } catch {
    const parts = Array.from(bytes, (byte) => (byte < 0x80 ? visible(String.fromCodePoint(byte)) : hex(byte, 2)));
    return { text: parts.join(" "), whole: false };
  }
}
