// What the figure computes, apart from what it shows: so a test can compare it with the article's Python.
export const after = (number) => number + 3;
