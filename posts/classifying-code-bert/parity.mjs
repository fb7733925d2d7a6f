// What the page makes of each text: on stdin a JSON list of texts, on stdout one of their probabilities.
import { readFileSync } from "node:fs";

const here = (name) => readFileSync(new URL(name, import.meta.url));
const { Model } = await import(`data:text/javascript,${encodeURIComponent(here("classify.js"))}`);
const model = await Model.read(here("model.bin"));
const texts = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(texts.map((text) => model.classify(text).probabilities)));
