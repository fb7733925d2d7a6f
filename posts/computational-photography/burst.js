// A burst of raw frames and its merge: what the article's Python computes (demo.py, computational_photography.py),
// to the last digits. Images are Float64Arrays of SIZE × SIZE pixels, in electrons.

export const SIZE = 128; // pixels of the sensor, a power of two
export const MARGIN = 8; // around it the scene goes on, so that the hand may shake
export const SCENE = 2 * (SIZE + 2 * MARGIN); // the scene is twice as fine: a pixel is the mean of two by two
export const WHITE = 120; // electrons
export const READ = 4;
const BORDER = 8; // not shown and not judged: alignment has wrapped it

// ---------------------------------------------------------------- chance

// Numbers from 0 to 1 that look random, the same for the same seed (mulberry32).
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

// How many photons arrive where `mean` are expected: the count at which the probabilities so far pass `chance`.
export function poisson(mean, chance) {
  let count = 0;
  let probability = Math.exp(-mean);
  let sum = probability;
  while (chance > sum && count < 1000) {
    count += 1;
    probability *= mean / count;
    sum += probability;
  }
  return count;
}

// A normal number (Box and Muller).
export const normal = (first, second) => Math.sqrt(-2 * Math.log(1 - first)) * Math.cos(2 * Math.PI * second);

// ---------------------------------------------------------------- camera

const linear = (code) => (code <= 0.04045 ? code / 12.92 : ((code + 0.055) / 1.055) ** 2.4);
export const encoded = (light) => {
  const clipped = Math.min(1, Math.max(0, light));
  return clipped <= 0.0031308 ? 12.92 * clipped : 1.055 * clipped ** (1 / 2.4) - 0.055;
};
const LINEAR = Float64Array.from({ length: 256 }, (_, code) => linear(code / 255));

// What falls on the sensor, before noise: `scene` holds sRGB bytes; the hand has moved by half pixels; a disc flies by.
export function light(scene, frame, shaking, moving) {
  const [down, right] = shaking ? moves(frame) : [0, 0];
  const seen = new Float64Array(SIZE * SIZE);
  for (let row = 0; row < SIZE; row += 1) {
    for (let column = 0; column < SIZE; column += 1) {
      let sum = 0;
      for (let part = 0; part < 4; part += 1) {
        const y = 2 * (row + MARGIN) + (part >> 1) - down;
        const x = 2 * (column + MARGIN) + (part & 1) - right;
        const away = moving ? (y - 150) ** 2 + (x - 60 - 12 * frame) ** 2 : Infinity;
        sum += away <= 196 ? 0.5 : LINEAR[scene[y * SCENE + x]];
      }
      seen[row * SIZE + column] = (WHITE * sum) / 4;
    }
  }
  return seen;
}

// How far the hand has moved at a frame, down and right, in halves of a pixel; frame 0 is the reference.
export function moves(frame) {
  if (frame === 0) return [0, 0];
  const next = random(7000 + frame);
  return [Math.floor(next() * 21) - 10, Math.floor(next() * 21) - 10];
}

// Shot noise and read noise.
export function expose(seen, frame) {
  const next = random(1 + frame);
  return seen.map((mean) => poisson(mean, next()) + READ * normal(next(), next()));
}

// ---------------------------------------------------------------- alignment

function fft(re, im, start, step, size, sign) {
  for (let i = 1, j = 0; i < size; i += 1) {
    let bit = size >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      const a = start + i * step;
      const b = start + j * step;
      [re[a], re[b], im[a], im[b]] = [re[b], re[a], im[b], im[a]];
    }
  }
  for (let length = 2; length <= size; length *= 2) {
    const half = length / 2;
    for (let k = 0; k < half; k += 1) {
      const angle = (sign * 2 * Math.PI * k) / length;
      const c = Math.cos(angle);
      const s = Math.sin(angle);
      for (let from = k; from < size; from += length) {
        const a = start + from * step;
        const b = a + half * step;
        const x = re[b] * c - im[b] * s;
        const y = re[b] * s + im[b] * c;
        re[b] = re[a] - x;
        im[b] = im[a] - y;
        re[a] += x;
        im[a] += y;
      }
    }
  }
}

// In place, both ways; sign +1 is the inverse without its division.
function fft2(re, im, sign) {
  for (let row = 0; row < SIZE; row += 1) fft(re, im, row * SIZE, 1, SIZE, sign);
  for (let column = 0; column < SIZE; column += 1) fft(re, im, column, SIZE, SIZE, sign);
}

const frequency = (index) => (index < SIZE / 2 ? index : index - SIZE) / SIZE;
const HANN = Float64Array.from({ length: SIZE }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / (SIZE - 1)));

function windowed(image) {
  const mean = image.reduce((sum, value) => sum + value, 0) / image.length;
  const re = image.map((value, i) => (value - mean) * HANN[Math.floor(i / SIZE)] * HANN[i % SIZE]);
  const im = new Float64Array(re.length);
  fft2(re, im, -1);
  return { re, im };
}

// How far `frame` lies, down and right, of `reference`: phase_correlation in Python.
export function shiftBetween(reference, frame, parts = 20) {
  const a = windowed(reference);
  const b = windowed(frame);
  const re = new Float64Array(a.re.length);
  const im = new Float64Array(a.re.length);
  for (let i = 0; i < re.length; i += 1) {
    const x = a.re[i] * b.re[i] + a.im[i] * b.im[i];
    const y = a.re[i] * b.im[i] - a.im[i] * b.re[i];
    const scale = Math.sqrt(Math.hypot(x, y) + 1e-12);
    re[i] = x / scale;
    im[i] = y / scale;
  }
  const peakRe = re.slice();
  fft2(peakRe, im.slice(), 1);
  const peak = peakRe.indexOf(peakRe.reduce((most, value) => Math.max(most, value), -Infinity));
  const wrap = (place) => ((place + SIZE / 2) % SIZE) - SIZE / 2;
  const down = wrap(Math.floor(peak / SIZE));
  const right = wrap(peak % SIZE);
  // The same sum around the peak on a finer grid: rows first, then columns.
  const count = 2 * parts + 1;
  let best = -Infinity;
  let found = [0, 0];
  for (let i = 0; i < count; i += 1) {
    const y = down + (i - parts) / parts;
    const lineRe = new Float64Array(SIZE);
    const lineIm = new Float64Array(SIZE);
    for (let row = 0; row < SIZE; row += 1) {
      const c = Math.cos(2 * Math.PI * y * frequency(row));
      const s = Math.sin(2 * Math.PI * y * frequency(row));
      for (let column = 0; column < SIZE; column += 1) {
        const at = row * SIZE + column;
        lineRe[column] += re[at] * c - im[at] * s;
        lineIm[column] += re[at] * s + im[at] * c;
      }
    }
    for (let j = 0; j < count; j += 1) {
      const x = right + (j - parts) / parts;
      let sum = 0;
      for (let column = 0; column < SIZE; column += 1) {
        const angle = 2 * Math.PI * x * frequency(column);
        sum += lineRe[column] * Math.cos(angle) - lineIm[column] * Math.sin(angle);
      }
      if (sum > best) {
        best = sum;
        found = [y, x];
      }
    }
  }
  return found;
}

// Moved by any part of a pixel: fourier_shift in Python.
export function shifted(image, down, right) {
  const re = Float64Array.from(image);
  const im = new Float64Array(re.length);
  fft2(re, im, -1);
  for (let row = 0; row < SIZE; row += 1) {
    for (let column = 0; column < SIZE; column += 1) {
      const angle = -2 * Math.PI * (frequency(row) * down + frequency(column) * right);
      const at = row * SIZE + column;
      const [x, y, c, s] = [re[at], im[at], Math.cos(angle), Math.sin(angle)];
      re[at] = x * c - y * s;
      im[at] = x * s + y * c;
    }
  }
  fft2(re, im, 1);
  return re.map((value) => value / re.length);
}

// ---------------------------------------------------------------- merge

export function meanOf(frames) {
  const total = new Float64Array(frames[0].length);
  for (const frame of frames) for (let i = 0; i < total.length; i += 1) total[i] += frame[i];
  return total.map((value) => value / frames.length);
}

// Sums over the window around each pixel, cut off at the edges.
function windowSum(image, radius) {
  const sums = new Float64Array((SIZE + 1) * (SIZE + 1));
  for (let row = 0; row < SIZE; row += 1) {
    let line = 0;
    for (let column = 0; column < SIZE; column += 1) {
      line += image[row * SIZE + column];
      sums[(row + 1) * (SIZE + 1) + column + 1] = sums[row * (SIZE + 1) + column + 1] + line;
    }
  }
  return image.map((_, i) => {
    const row = Math.floor(i / SIZE);
    const column = i % SIZE;
    const top = Math.max(row - radius, 0) * (SIZE + 1);
    const bottom = Math.min(row + radius + 1, SIZE) * (SIZE + 1);
    const left = Math.max(column - radius, 0);
    const right = Math.min(column + radius + 1, SIZE);
    return sums[bottom + right] - sums[top + right] - sums[bottom + left] + sums[top + left];
  });
}

// At each pixel the mean of the frames that agree with frame 0: robust_merge in Python.
export function robust(frames, radius = 2, limit = 2.5) {
  const total = new Float64Array(frames[0].length);
  const count = new Float64Array(frames[0].length);
  const [reference] = frames;
  for (const frame of frames) {
    const squared = windowSum(frame.map((value, i) => (value - reference[i]) ** 2), radius);
    const expected = windowSum(frame.map((value, i) => Math.max(value, 0) + Math.max(reference[i], 0) + 2 * READ ** 2), radius);
    for (let i = 0; i < total.length; i += 1) {
      if (squared[i] > limit * expected[i]) continue;
      total[i] += frame[i];
      count[i] += 1;
    }
  }
  return total.map((value, i) => value / count[i]);
}

// Peak signal-to-noise ratio after the tone curve, borders left out.
export function psnr(truth, image) {
  let sum = 0;
  for (let row = BORDER; row < SIZE - BORDER; row += 1) {
    for (let column = BORDER; column < SIZE - BORDER; column += 1) {
      const at = row * SIZE + column;
      sum += (encoded(truth[at] / WHITE) - encoded(image[at] / WHITE)) ** 2;
    }
  }
  return -10 * Math.log10(sum / (SIZE - 2 * BORDER) ** 2);
}

// The grey levels shown, rows and columns from BORDER on, as RGBA bytes.
export function pixels(image) {
  const side = SIZE - 2 * BORDER;
  const bytes = new Uint8ClampedArray(4 * side * side);
  for (let i = 0; i < side * side; i += 1) {
    const at = (Math.floor(i / side) + BORDER) * SIZE + (i % side) + BORDER;
    bytes.fill(Math.round(255 * encoded(image[at] / WHITE)), 4 * i, 4 * i + 3);
    bytes[4 * i + 3] = 255;
  }
  return { side, bytes };
}

// One scene's burst. What was computed is kept: a reader goes back and forth.
export class Burst {
  constructor(scene) {
    this.scene = scene;
    this.kept = new Map();
  }

  keep(name, make) {
    if (!this.kept.has(name)) this.kept.set(name, make());
    return this.kept.get(name);
  }

  truth(moving) {
    return this.keep(`truth ${moving}`, () => light(this.scene, 0, false, moving));
  }

  frame(index, shaking, moving) {
    return this.keep(`frame ${index} ${shaking} ${moving}`, () => expose(light(this.scene, index, shaking, moving), index));
  }

  // Where a frame was found to lie, and the frame moved back.
  aligned(index, shaking, moving) {
    return this.keep(`aligned ${index} ${shaking} ${moving}`, () => {
      const frame = this.frame(index, shaking, moving);
      if (index === 0) return { found: [0, 0], frame };
      const found = shiftBetween(this.frame(0, shaking, moving), frame);
      return { found, frame: shifted(frame, -found[0], -found[1]) };
    });
  }

  merged({ count, shaking, moving, aligning, rejecting }) {
    const frames = Array.from({ length: count }, (_, index) => (
      aligning ? this.aligned(index, shaking, moving).frame : this.frame(index, shaking, moving)));
    return rejecting ? robust(frames) : meanOf(frames);
  }
}
