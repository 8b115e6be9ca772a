"""What a run leaves behind: its typed record, predictions and progress, the store they lie in, and the ids they go by.

One folder a run, every file written atomically, every key described. Lives here: schema, store, locks, hashes, the
fingerprint of machine and code, and which runs a table asks for. Does not live here: training (`training`), scoring
(`metrics`) and anything shown to a reader (`report`). Imports neither torch nor transformers, so that reading results
costs no more than reading JSON.
"""

from deltalora.results.environment import GitState, fingerprint_environment, git_state
from deltalora.results.identity import canonical_json, config_id, run_id, sha256_of_file
from deltalora.results.predictions import Prediction, read_predictions, write_predictions
from deltalora.results.progress import Phase, Progress, read_progress, write_progress
from deltalora.results.record import (
    SCHEMA_VERSION,
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
    Status,
)
from deltalora.results.segments import SEGMENTS_FILE, Segments, SegmentsFile, read_segments, write_segments
from deltalora.results.store import RunLockedError, Store, read_run

__all__ = [
    "SCHEMA_VERSION",
    "SEGMENTS_FILE",
    "Code",
    "Cost",
    "CurvePoint",
    "Data",
    "Environment",
    "GitState",
    "Model",
    "Parameters",
    "Phase",
    "Prediction",
    "PredictionsFile",
    "Progress",
    "RunError",
    "RunLockedError",
    "RunRecord",
    "ScoreEntry",
    "Segments",
    "SegmentsFile",
    "Selection",
    "Status",
    "Store",
    "canonical_json",
    "config_id",
    "fingerprint_environment",
    "git_state",
    "read_predictions",
    "read_progress",
    "read_run",
    "read_segments",
    "run_id",
    "sha256_of_file",
    "write_predictions",
    "write_progress",
    "write_segments",
]
