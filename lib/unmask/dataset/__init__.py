"""Files to faces: copies found, splits that do not leak, one table and one memory-mapped array.

Nothing is imported here: a training depends on the faces (`face_set`), not on how they were made,
and is not done again when that code changes and gives the same faces.
"""
