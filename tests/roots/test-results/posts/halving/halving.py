"""Search a sorted list."""

from collections.abc import Sequence


# region find
def find(items: Sequence[int], wanted: int) -> tuple[int, int]:
    """Where it is, and after how many looks."""
    low, high, looks = 0, len(items) - 1, 0
    while low <= high:
        looks += 1
        middle = (low + high) // 2
        if items[middle] == wanted:
            return middle, looks
        if items[middle] < wanted:
            low = middle + 1
        else:
            high = middle - 1
    raise ValueError(f"{wanted} is not there")
# endregion find
