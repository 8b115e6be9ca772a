"""Delta-LoRA, reproduced: seven fine-tuning methods, one trainer, the paper's tables beside ours.

`methods` holds what is trained, `tasks` what is learnt, `training` the one loop, `metrics` what is measured,
`results` what is recorded, `report` what is made of it and `page` how a browser shows that. Nothing here imports
another room on import.
"""

__version__ = "0.1.0"

#: Bumped when a change can move a number. It is part of every run id, so that old records never mix with new ones.
RESULTS_VERSION = 1
