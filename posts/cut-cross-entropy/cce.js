// A log-sum-exp tile by tile, and the bytes of the loss by formula. demo.py and memory.py have the same in Python.

// The row in one go: subtract the largest, sum, take the logarithm.
export function whole(logits) {
  const top = Math.max(...logits);
  return top + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - top), 0));
}

// After each tile of `width` logits: the largest so far, what was carried over on its scale, what was added, the sum.
export function walk(logits, width) {
  const steps = [{ top: -Infinity, carried: 0, added: 0, sum: 0 }];
  for (let start = 0; start < logits.length; start += width) {
    const tile = logits.slice(start, start + width);
    const before = steps.at(-1);
    const top = Math.max(before.top, ...tile);
    const carried = before.sum === 0 ? 0 : before.sum * Math.exp(before.top - top);
    const added = tile.reduce((sum, logit) => sum + Math.exp(logit - top), 0);
    steps.push({ top, carried, added, sum: carried + added });
  }
  return steps;
}

const WIDTHS = { float32: 4, bfloat16: 2 };

export function bytes({ vocabulary, sequences, length, dimensions, dtype }) {
  const tokens = sequences * length;
  const logits = tokens * vocabulary * WIDTHS[dtype];
  const cut = 4 * tokens + 8 * vocabulary;
  const gradients = (tokens + vocabulary) * dimensions * WIDTHS[dtype];
  const copy = 4 * tokens * vocabulary;
  const naive = Math.max(3 * copy, copy + gradients);
  return { tokens, logits, naive, cut, gradients, ratio: naive / (cut + gradients), alone: 3 * copy / cut };
}

export function shownBytes(value) {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (value >= 10 * 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? grouped(Math.round(value)) : value.toFixed(1)} ${units[unit]}`;
}

export function shownRatio(value) {
  return value >= 100 ? `${grouped(Math.round(value))}×` : `${value.toFixed(1)}×`;
}

function grouped(value) {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
}

// Three decimals of a fraction, none of a whole number.
export function shown(value) {
  if (value === -Infinity) return "−∞";
  if (value === Infinity) return "∞";
  const text = Math.abs(value).toFixed(3).replace(/\.?0+$/, "");
  return (value < 0 && text !== "0" ? "−" : "") + text;
}
