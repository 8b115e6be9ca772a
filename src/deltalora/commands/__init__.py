"""The commands of the command line, one file per command. The top floor: a command may call everything below.

No method, metric or statistic lives here.
"""
