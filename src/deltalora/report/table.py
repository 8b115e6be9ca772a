"""The paper's table beside ours, as typed cells in the table's unit; `build` joins them, `document` lays them out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from deltalora.report.paper import MetricColumn
from deltalora.report.provenance import Provenance
from deltalora.report.statistics import Interval, SeedEvidence, Summary

#: Our first column where a table covers one experiment: it resolves what the metrics cannot. The paper has none, and
#: over several experiments it has no meaning.
VALIDATION_LOSS = MetricColumn(
    name="Val. loss",
    unit="unbounded",
    factor=1,
    higher_is_better=False,
    in_paper=False,
    paper_decimals=3,
    our_decimals=3,
)


@dataclass(frozen=True)
class Cell:
    """One metric of one row."""

    paper: Decimal | None  #: with its printed digits; None if it has none
    ours: Summary | None  #: over seeds; None without a finished run
    difference: float | None = None  #: ours.mean - paper; None unless the runs have the paper's setting
    paper_in_interval: bool | None = None  #: the paper's number in our t interval over seeds; None without either


@dataclass(frozen=True)
class ExampleComparison:
    """What the test set's examples say of one difference; nothing of other seeds."""

    seeds: tuple[int, ...]  #: whose outputs were compared; the differences are averaged over them
    examples: int  #: number of examples resampled
    difference: float  #: mean over the seeds of left - right on all examples
    interval: Interval  #: percentile interval of the paired bootstrap
    p_value: float  #: two-sided, of the same resamples
    p_holm: float | None  #: adjusted within its `Family`
    resamples: int  #: no p value is below 2 / (resamples + 1)


@dataclass(frozen=True)
class NoComparison:
    """Why examples say nothing of one difference."""

    reason: str


@dataclass(frozen=True)
class Family:
    """The tests that one correction for multiple testing was made across."""

    name: str  #: in words
    over_seeds: int  #: number of t tests
    over_examples: int  #: number of bootstrap tests


@dataclass(frozen=True)
class EffectCell:
    """One metric of one effect; what is ours is None without a common seed."""

    paper: Decimal | None  #: the paper's left - right, exact in its printed digits; None where it lacks either
    ours: Summary | None  #: our left - right, paired by seed
    over_seeds: SeedEvidence | None = None
    over_examples: ExampleComparison | NoComparison | None = None  #: None if not requested, too


@dataclass(frozen=True)
class Effect:
    """One row minus another."""

    left: str
    right: str
    cells: dict[str, EffectCell]


@dataclass(frozen=True)
class SeedResult:
    """One finished run of a row: its id, and column -> value; without the metrics the run did not compute."""

    run_id: str
    values: dict[str, float]


@dataclass(frozen=True)
class PartResult:
    """The runs of one experiment of a row; counts of parameters are exact, and None without a finished run."""

    config_id: str
    seeds_asked: tuple[int, ...]
    seeds: dict[int, SeedResult]
    unfinished: tuple[int, ...]  #: seeds whose run failed or was interrupted
    not_run: tuple[int, ...]  #: seeds without any record
    trainable: int | None
    extra_updatable: int | None  #: move without a gradient
    head: int | None  #: of a trained head that `trainable` leaves out


@dataclass(frozen=True)
class Setting:
    """One hyper-parameter of a row, where the paper's table prints it."""

    paper: str | None  #: as printed; None for a dash or a row of ours
    ours: str | None  #: None without a finished run or where the method has none


@dataclass(frozen=True, kw_only=True)
class RowResult:
    """One row of the table; one that the paper quotes has no run of ours."""

    label: str
    row: str  #: name in conf/method, or the value of the key the table varies
    control: bool = False  #: a control of ours
    in_paper: bool = True  #: whether the paper has this row at all
    quoted: str | None = None  #: whose numbers the paper quotes in this row; None for any other row
    remark: str = ""  #: what sets our line apart from the paper's
    paper_parameters: str | None  #: the paper's figure as printed, e.g. '0.375M + 48M'; None where its table has none
    settings: Mapping[str, Setting] = field(default_factory=dict)  #: printed column -> the row's hyper-parameter
    parts: dict[str, PartResult] = field(default_factory=dict)  #: experiment -> its runs
    computed: dict[str, dict[int, float]] = field(default_factory=dict)  #: column that is a mean -> seed -> its value
    cells: dict[str, Cell]  #: column -> cell, validation loss included
    effect: Effect | None  #: this row minus the reference row; None for the reference row itself

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds with a finished run of any part."""
        return tuple(sorted({seed for part in self.parts.values() for seed in part.seeds}))


@dataclass(frozen=True)
class UnfinishedRun:
    """A run that gave no numbers, and why."""

    row: str
    part: str
    seed: int
    run_id: str
    status: str
    reason: str


@dataclass(frozen=True)
class Table:
    """The whole table."""

    name: str  #: e.g. 'table1'
    title: str  #: of the paper's table
    setting: str  #: what the paper's numbers are of
    reference: str  #: label of the row effects are measured from
    parts: tuple[str, ...]  #: the experiments the columns are of
    vary: str | None  #: the key whose values are the rows; None where methods are
    columns: tuple[MetricColumn, ...]  #: of one experiment, validation loss first
    settings: tuple[str, ...]  #: columns of hyper-parameters that the paper's table prints
    rows: tuple[RowResult, ...]
    control_effects: tuple[Effect, ...]  #: Delta-LoRA minus every control
    unfinished: tuple[UnfinishedRun, ...]
    departures: tuple[str, ...]  #: what sets our runs apart from the paper's setting
    notes: tuple[str, ...]  #: what a reader must know of these numbers, in sentences
    divergences: tuple[str, ...]  #: tags of the register's entries that touch the table
    provenance: Provenance
    families: tuple[Family, ...]  #: within which p values are adjusted: of the rows' effects, and of `control_effects`

    @property
    def rows_title(self) -> str:
        """The heading of the rows' labels."""
        return "Method" if self.vary is None else self.vary.rpartition(".")[2]

    @property
    def comparable(self) -> bool:
        """Whether there are numbers of ours, and these may be set against the paper's."""
        return bool(self.provenance.seeds) and not self.departures
