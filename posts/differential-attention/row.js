// The article's worked row, for any lambda and any loudness of the noise. demo.py has the same in Python.

export const FIRST = [4, 10, 4, 2];
export const SECOND = [26, 5, 16, 3];
export const ANSWER = 1;

const total = (weights) => weights.reduce((sum, weight) => sum + weight, 0);

// A map's row; all but the answer is noise, and `noise` times as loud as in the example.
export function share(exponentials, noise) {
  const louder = exponentials.map((value, i) => (i === ANSWER ? value : value * noise));
  const sum = total(louder);
  return louder.map((value) => value / sum);
}

// Both maps, their difference, and answer against the rest by three sums.
export function row(noise, lambda) {
  const first = share(FIRST, noise);
  const second = share(SECOND, noise);
  const difference = first.map((weight, i) => weight - lambda * second[i]);
  const rest = (weights) => total(weights.filter((_, i) => i !== ANSWER));
  return {
    first, second, difference,
    rests: [rest(first), rest(difference), rest(difference.map(Math.abs))],
    answers: [first[ANSWER], difference[ANSWER], Math.abs(difference[ANSWER])],
  };
}

// 0.45 as ".45", -0.06 as "−.06", 1 as "1.00".
export function short(value) {
  const text = Math.abs(value).toFixed(2).replace(/^0/, "");
  return (value < 0 && text !== ".00" ? "−" : "") + text;
}

export function ratio(answer, rest) {
  return rest > 0.005 ? `${short(answer)} to ${short(rest)}, ${(answer / rest).toFixed(1)}×` : `${short(answer)} to ${short(rest)}`;
}
