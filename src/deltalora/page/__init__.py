"""The page: every table, curve and run of some stores as one folder of HTML that opens from a disk, without a network.

Lives here: the runs of the stores (`runs`), what each page says (`index_page`, `table_view`, `plots`, `run_page`,
`samples`), templates, style and scripts, and writing it all or not at all (`write`). Does not live here: which numbers
a table has and in which order it is printed (`report`). Imports neither torch nor Hydra.
"""
