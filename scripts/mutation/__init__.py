"""Deliberate faults: the list and its edits, trials on copies of the tree, and what runs inside a copy.

Nothing here imports `deltalora`: the package under test is the copy's.
"""
