"""Sweeps: many runs, started by one command through one of Hydra's launchers.

`launch` starts them and survives what happens to any of them, `job` is one run of a sweep, `board` and `display` show
how they stand, and `table_runs` says which runs make up which row of a table.
"""
