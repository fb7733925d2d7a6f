// What counting.py computes, and a browser test compares with it.
export const after = (number) => number + 3;
