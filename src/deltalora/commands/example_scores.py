"""What one example scores alone, for the page of a run.

Apart from the command, as the processes that write run pages import it and nothing that only the command needs.
"""

import numpy as np
import numpy.typing as npt

from deltalora.errors import MetricError


def example_scores(experiment: str, score: str, statistics: npt.NDArray[np.float64]) -> list[float] | None:
    """The score of each row alone; None where one example has no score of this metric, as no correlation has."""
    from deltalora.metrics.by_score import metric_of_score

    try:
        metric = metric_of_score(experiment, score, statistics)
        return [float(metric.aggregate(statistics[place : place + 1])) for place in range(len(statistics))]
    except MetricError:
        return None
