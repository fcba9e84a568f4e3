"""What belongs together, from pairs that do."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def clusters_of(table_length: int, pairs: pd.DataFrame) -> np.ndarray:
    """Returns a number for each row; rows that pairs connect, in any way, have the same.

    Args:
        table_length: rows of the table that the pairs were found in.
        pairs: `first` and `second`, positions in that table.

    Returns:
        int64 `[table_length]`: 0, 1, 2, ... in the order in which clusters first appear.
    """
    ends = (pairs["first"].to_numpy(np.int64), pairs["second"].to_numpy(np.int64))
    graph = coo_array((np.ones(len(pairs), np.int8), ends), shape=(table_length, table_length))
    labels = connected_components(graph, directed=False)[1]
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse].astype(np.int64)
