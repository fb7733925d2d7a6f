// What three programs for Node call each text. On stdin a JSON list of texts, on stdout a line of JSON for each:
// {"guesslang": [label, label among ours, ms], …}. Arguments: the folders of the three packages, then our labels.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const [detection, highlight, flouriteFolder, labels] = process.argv.slice(2);
const require = createRequire(import.meta.url);
const { ModelOperations } = require(join(detection, "dist/lib/index.js"));
const hljs = require(join(highlight, "lib/index.js"));
const flourite = require(join(flouriteFolder, "dist/index.cjs"));
const ours = JSON.parse(labels); // {tool: {its label: our language}}
const texts = JSON.parse(readFileSync(0, "utf8"));

const model = new ModelOperations({
  modelJsonLoaderFunc: async () => JSON.parse(readFileSync(join(detection, "model/model.json"), "utf8")),
  weightsLoaderFunc: async () => {
    const bytes = readFileSync(join(detection, "model/group1-shard1of1.bin"));
    return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
  },
  minContentSize: 0,
});

const best = (pairs, known) => (pairs.find(([label, points]) => label in known && points > 0) ?? [""])[0];
const tools = {
  guesslang: async (text) => {
    const pairs = (await model.runModel(text)).map(({ languageId, confidence }) => [languageId, confidence]);
    return [(pairs[0] ?? [""])[0], best(pairs, ours.guesslang)];
  },
  highlight: (text) => {
    const names = Object.keys(ours.highlight);
    return [hljs.highlightAuto(text).language ?? "", hljs.highlightAuto(text, names).language ?? ""];
  },
  flourite: (text) => {
    const { language, statistics } = flourite(text, { shiki: false, heuristic: true });
    const pairs = Object.entries(statistics).sort((a, b) => b[1] - a[1]);
    return [language, best(pairs, ours.flourite)];
  },
};
for (const call of Object.values(tools)) await call(texts[0]); // the first call loads
for (const text of texts) {
  const found = {};
  for (const [name, call] of Object.entries(tools)) {
    const start = process.cpuUsage();
    const labels = await call(text);
    const { user, system } = process.cpuUsage(start);
    found[name] = [...labels, (user + system) / 1000];
  }
  console.log(JSON.stringify(found));
}
