"""The page: every table, curve and run of some stores as one folder of HTML that opens from a disk, without a network.

Lives here: what is read for it (`collect`), what its sections say (`table_view`, `plots`, `run_view`, `sample_list`,
`run_list`, `downloads`), its templates, style and scripts, and writing it whole or not at all (`write`). Does not live
here: which numbers a table has (`report`) and how a metric scores one example, which the command hands in. Imports
neither torch nor Hydra. Nothing is imported here: the processes that write run pages start in a third of the time
without what only tables need.
"""
