"""The files of a run: its typed record, predictions, statistics and progress, in a store, under ids that are hashes.

One folder per run, every file written atomically, every key described. Nothing here imports torch or transformers, so
that reading results costs no more than reading JSON.
"""

from deltalora.results.environment import GitState, fingerprint_environment, git_state
from deltalora.results.identity import canonical_json, config_id, run_id, sha256_of_file
from deltalora.results.predictions import Prediction, read_predictions, write_predictions
from deltalora.results.record import (
    Code,
    Cost,
    CurvePoint,
    Data,
    Environment,
    Model,
    Parameters,
    PredictionsFile,
    RunError,
    RunRecord,
    ScoreEntry,
    Selection,
)
from deltalora.results.segments import Segments, SegmentsFile, read_segments, write_segments
from deltalora.results.store import Phase, Progress, RunLockedError, Store, read_progress, read_run, write_progress

__all__ = ["GitState", "fingerprint_environment", "git_state"]
__all__ += ["canonical_json", "config_id", "run_id", "sha256_of_file"]
__all__ += ["Prediction", "read_predictions", "write_predictions"]
__all__ += ["Code", "Cost", "CurvePoint", "Data", "Environment", "Model", "Parameters", "PredictionsFile"]
__all__ += ["RunError", "RunRecord", "ScoreEntry", "Selection"]
__all__ += ["Segments", "SegmentsFile", "read_segments", "write_segments"]
__all__ += ["Phase", "Progress", "RunLockedError", "Store", "read_progress", "read_run", "write_progress"]
