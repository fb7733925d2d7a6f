// The trigram's scores of one bag's orders, and the beam: as demo.py and sentence_reconstruction.py have them.
//
// A puzzle names its words by their places in `words`, which is sorted. Scores are whole hundredths of a nat,
// so that sums are exact: `rows` has log P of each next word, the end last, after one word or after two.

const start = (puzzle) => puzzle.words.length;

// log P(next | the words before it); the end of the sentence is asked for as puzzle.words.length.
export function step(puzzle, before, next) {
  const last = before.at(-1) ?? start(puzzle);
  const previous = before.length > 1 ? before.at(-2) : before.length === 1 ? start(puzzle) : "";
  return (puzzle.rows[`${previous} ${last}`] ?? puzzle.rows[last])[next];
}

// log P of an order, its end included.
export function score(puzzle, order) {
  return [...order, puzzle.words.length].reduce((sum, next, place) => sum + step(puzzle, order.slice(0, place), next), 0);
}

const earlier = (one, other) => {
  const place = one.findIndex((word, i) => word !== other[i]);
  return place < 0 ? 0 : one[place] - other[place];
};

// What each step of a beam grows, best first: [{words, logp, rank}, …] for 0, 1, … words. The first `width` go on.
export function steps(puzzle, width) {
  const left = puzzle.words.map(() => 0);
  for (const word of puzzle.bag) left[word] += 1;
  let beam = [{ words: [], logp: 0, outlook: puzzle.bag.reduce((sum, word) => sum + puzzle.outlook[word], 0), left }];
  const trace = [beam];
  for (let count = 0; count < puzzle.bag.length; count += 1) {
    const grown = beam.flatMap(({ words, logp, outlook, left }) => left.flatMap((times, word) => (times === 0 ? [] : [{
      words: [...words, word],
      logp: logp + step(puzzle, words, word),
      outlook: outlook - puzzle.outlook[word],
      left: left.with(word, times - 1),
    }])));
    grown.sort((a, b) => b.logp + b.outlook - a.logp - a.outlook || earlier(a.words, b.words));
    trace.push(grown);
    beam = grown.slice(0, width);
  }
  return trace.map((grown) => grown.map(({ words, logp, outlook }) => ({ words, logp, rank: logp + outlook })));
}

// The order that the beam ends with, and its log P.
export function found(puzzle, width) {
  return steps(puzzle, width).at(-1).slice(0, width)
    .map(({ words }) => ({ words, logp: score(puzzle, words) }))
    .sort((a, b) => b.logp - a.logp || earlier(a.words, b.words))[0];
}
