"""The files of a run: its typed record, predictions, statistics and progress, in a store, under ids that are hashes.

One folder per run, every file written atomically, every key described. This room holds the schema, the store and its
locks, the hashes, the fingerprint of machine and code, and the requests for tables. Training (`training`), scoring
(`metrics`) and presentation (`report`) are elsewhere. Nothing here imports torch or transformers, so that reading
results costs no more than reading JSON.
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
