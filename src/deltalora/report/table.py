"""The paper's table beside ours, as typed cells; they are joined in `build`, and look as `layout` decides."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from deltalora.report.paper import MetricColumn
from deltalora.report.provenance import Provenance
from deltalora.report.statistics import Interval, Summary

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
    """One metric of one row, in the table's unit.

    Attributes:
        paper: The paper's number with its printed digits; None if it has none.
        ours: Over seeds; None without a finished run.
        difference: ours.mean - paper; None unless the runs have the paper's setting.
        paper_in_interval: Whether the paper's number lies in our t interval over seeds; None where there is no
            difference or no interval.
    """

    paper: Decimal | None
    ours: Summary | None
    difference: float | None
    paper_in_interval: bool | None = None


@dataclass(frozen=True)
class SeedEvidence:
    """What paired seeds say of one difference. Everything but n and `note` is None with fewer than two seeds.

    Attributes:
        n: Seeds both sides have.
        p_value: Two-sided paired t test; None without spread over the seeds.
        p_holm: Adjusted within its `Family`.
        probability_of_improvement: Share of the seeds in which the left side is better, ties half.
        minimum_detectable: True difference, above 0, that as many seeds would find with power 0.8; None without spread.
        note: Why there is no p value; empty where there is one.
    """

    n: int
    p_value: float | None
    p_holm: float | None
    probability_of_improvement: float | None
    minimum_detectable: float | None
    note: str


@dataclass(frozen=True)
class ExampleComparison:
    """What the test set's examples say of one difference; nothing of other seeds.

    Attributes:
        seeds: Whose outputs were compared; the differences are averaged over them.
        examples: Number of examples resampled.
        difference: Mean over the seeds of left - right on all examples.
        interval: Percentile interval of the paired bootstrap.
        p_value: Two-sided, of the same resamples.
        p_holm: Adjusted within its `Family`.
        resamples: How many; no p value is below 2 / (resamples + 1).
    """

    seeds: tuple[int, ...]
    examples: int
    difference: float
    interval: Interval
    p_value: float
    p_holm: float | None
    resamples: int


@dataclass(frozen=True)
class NoComparison:
    """Why examples say nothing of one difference."""

    reason: str


@dataclass(frozen=True)
class Family:
    """The tests that one correction for multiple testing was made across.

    Attributes:
        name: In words.
        over_seeds: Number of t tests.
        over_examples: Number of bootstrap tests.
    """

    name: str
    over_seeds: int
    over_examples: int


@dataclass(frozen=True)
class EffectCell:
    """One metric of one effect, in the table's unit.

    Attributes:
        paper: The paper's left - right, exact in its printed digits; None where it lacks either.
        ours: Our left - right, paired by seed, with its interval; None without a common seed.
        over_seeds: What the seeds say of it; None without a common seed.
        over_examples: What the examples say of it; None without a common seed, or if not requested.
    """

    paper: Decimal | None
    ours: Summary | None
    over_seeds: SeedEvidence | None = None
    over_examples: ExampleComparison | NoComparison | None = None


@dataclass(frozen=True)
class Effect:
    """One row minus another."""

    left: str
    right: str
    cells: dict[str, EffectCell]


@dataclass(frozen=True)
class SeedResult:
    """One finished run of a row.

    Attributes:
        run_id: The run, by which its record is found.
        values: Column name -> value in the table's unit; without the metrics the run did not compute.
    """

    run_id: str
    values: dict[str, float]


@dataclass(frozen=True)
class PartResult:
    """The runs of one experiment of a row.

    Attributes:
        config_id: Configuration of the runs.
        seeds_asked: Seeds requested.
        seeds: Seed -> its finished run.
        unfinished: Seeds whose run failed or was interrupted.
        not_run: Seeds without any record.
        trainable: Exact number of trainable parameters; None without a finished run.
        extra_updatable: Exact number of parameters that move without a gradient.
        head: Exact number of parameters of a trained head that `trainable` leaves out.
    """

    config_id: str
    seeds_asked: tuple[int, ...]
    seeds: dict[int, SeedResult]
    unfinished: tuple[int, ...]
    not_run: tuple[int, ...]
    trainable: int | None
    extra_updatable: int | None
    head: int | None


@dataclass(frozen=True)
class Setting:
    """One hyper-parameter of a row, where the paper's table prints it.

    Attributes:
        paper: As printed; None for a dash or a row of ours.
        ours: Of our runs; None without a finished run or where the method has none.
    """

    paper: str | None
    ours: str | None


@dataclass(frozen=True)
class RowResult:
    """One row of the table.

    Attributes:
        label: Name to print.
        row: Name in conf/method, or the value of the key the table varies.
        control: A control of ours.
        in_paper: Whether the paper has this row at all.
        quoted: Whose numbers the paper quotes in this row, which has no run of ours; None for any other row.
        remark: What sets our line apart from the paper's; empty if nothing does.
        paper_parameters: The paper's figure as printed, e.g. '0.375M + 48M'; None where its table has none.
        settings: Printed column -> the row's hyper-parameter, the paper's and ours.
        parts: Experiment -> its runs.
        computed: Column that is a mean of others -> seed -> its value.
        cells: Column name -> cell, validation loss included.
        effect: This row minus the reference row; None for the reference row itself.
    """

    label: str
    row: str
    control: bool
    in_paper: bool
    quoted: str | None
    remark: str
    paper_parameters: str | None
    settings: Mapping[str, Setting]
    parts: dict[str, PartResult]
    computed: dict[str, dict[int, float]]
    cells: dict[str, Cell]
    effect: Effect | None

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds with a finished run of any part."""
        return tuple(sorted({seed for part in self.parts.values() for seed in part.seeds}))

    @property
    def runs_asked(self) -> int:
        """Number of runs requested."""
        return sum(len(part.seeds_asked) for part in self.parts.values())

    @property
    def runs_finished(self) -> int:
        """Number of runs finished."""
        return sum(len(part.seeds) for part in self.parts.values())


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
    """The whole table.

    Attributes:
        name: E.g. 'table1'.
        title: Of the paper's table.
        setting: What the paper's numbers are of.
        reference: Label of the row effects are measured from.
        parts: The experiments the columns are of.
        vary: The key whose values are the rows; None where methods are.
        columns: Of one experiment, validation loss first.
        settings: Columns of hyper-parameters that the paper's table prints.
        rows: In the order requested.
        control_effects: Delta-LoRA minus every control.
        unfinished: Failed and interrupted runs.
        departures: What sets our runs apart from the paper's setting; empty if nothing does.
        notes: What a reader must know of these numbers, in sentences.
        divergences: Tags of the register's entries that touch the table.
        provenance: Where our numbers come from.
        families: Within which p values are adjusted: of the rows' effects, and of `control_effects`.
    """

    name: str
    title: str
    setting: str
    reference: str
    parts: tuple[str, ...]
    vary: str | None
    columns: tuple[MetricColumn, ...]
    settings: tuple[str, ...]
    rows: tuple[RowResult, ...]
    control_effects: tuple[Effect, ...]
    unfinished: tuple[UnfinishedRun, ...]
    departures: tuple[str, ...]
    notes: tuple[str, ...]
    divergences: tuple[str, ...]
    provenance: Provenance
    families: tuple[Family, ...] = ()

    @property
    def rows_title(self) -> str:
        """The heading of the rows' labels."""
        return "Method" if self.vary is None else self.vary.rpartition(".")[2]

    @property
    def comparable(self) -> bool:
        """Whether there are numbers of ours, and these may be set against the paper's."""
        return bool(self.provenance.seeds) and not self.departures
