"""What each command of the command line does; one file a command. The top floor: everything below may be called here.

`train` runs and sweeps, `board` and `display` show how they stand, `params` counts, `score` scores files, `table`
prints tables, `runs` lists runs and `report` writes the page. No method, metric or statistic lives here.
"""
