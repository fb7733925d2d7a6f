// The article's classifier in the browser: what ngrams.py does, with the weights of model.bin.

const TOKEN = /[A-Za-z_]+|[0-9]+|[^\x00-\x7f]+|\n[ \t]*|[!-/:-@[-`{-~]/g;

export function tokens(text) {
  const trimmed = text.replace(/^\n+|\n+$/g, "");
  return (`\n${trimmed}`.match(TOKEN) ?? []).map((token) => {
    if (token[0] === "\n") return token.includes("\t") ? "\n\t" : token.length > 1 ? "\n " : "\n";
    if (token[0] >= "0" && token[0] <= "9") return "0";
    return token[0] > "\x7f" ? "é" : token;
  });
}

export function features(text) {
  const found = tokens(text);
  const counts = new Map();
  const add = (name) => counts.set(name, (counts.get(name) ?? 0) + 1);
  found.forEach(add);
  for (let i = 1; i < found.length; i++) add(`${found[i - 1]}\0${found[i]}`);
  return counts;
}

async function inflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

export class Model {
  // The bytes of model.bin; see ngrams.py for what is in them.
  static async read(bytes) {
    const plain = await inflate(bytes);
    const decode = (from, to) => new TextDecoder().decode(plain.subarray(from, to));
    const end = plain.indexOf(10);
    const about = JSON.parse(decode(0, end));
    const size = about.features * about.languages.length;
    const names = decode(end + 1, plain.length - size - 1).split("\n");
    if (names.length !== about.features) throw new Error("model.bin is not whole");
    const model = Object.assign(new Model(), about);
    model.weights = new Int8Array(plain.buffer, plain.byteOffset + plain.length - size, size);
    model.index = new Map(names.map((name, at) => [
      name.replaceAll("⏎", "\n").replaceAll("⇥", "\t").replaceAll("␣", "\0"), at]));
    return model;
  }

  // The known features of a text: [name, what it adds to each language's score].
  terms(text) {
    const found = [];
    let length = 0;
    for (const [name, count] of features(text)) {
      const at = this.index.get(name);
      if (at === undefined) continue;
      const size = (1 + Math.log(count)) * this.idf[at];
      length += size * size;
      found.push([name, at, size]);
    }
    const norm = Math.sqrt(length) || 1;
    return found.map(([name, at, size]) => [name, this.languages.map((_, language) =>
      (size / norm) * this.weights[language * this.features + at] * this.scale[language])]);
  }

  temperature(text) {
    const lines = text.split("\n").filter((line) => line.replace(/^[ \t\r]+/, "")).length;
    return (this.temperatures.find(([most]) => lines <= most) ?? this.temperatures.at(-1))[1];
  }

  // {probabilities, terms, best, second, known}: known is false for "don't know".
  classify(text) {
    const terms = this.terms(text);
    const scores = this.languages.map((_, language) =>
      terms.reduce((sum, [, adds]) => sum + adds[language], this.bias[language]));
    const top = Math.max(...scores);
    const temperature = this.temperature(text);
    const powers = scores.map((score) => Math.exp((score - top) / temperature));
    const total = powers.reduce((sum, power) => sum + power, 0);
    const probabilities = powers.map((power) => power / total);
    const order = this.languages.map((_, language) => language).sort((a, b) => probabilities[b] - probabilities[a] || a - b);
    return { probabilities, terms, order, known: probabilities[order[0]] >= this.threshold && /[^ \t\r\n]/.test(text) };
  }
}
