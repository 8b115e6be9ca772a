"""METEOR 1.5 from its own jar, with one JVM per process and the corpus formula in Python."""

import atexit
import logging
import shutil
import tempfile
import threading
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from pathlib import Path

import numpy as np
import pycocoevalcap.meteor.meteor as coco_meteor

from deltalora.errors import MetricError
from deltalora.metrics import ptb
from deltalora.metrics.base import AdditiveMetric, Statistics, TextMetric, Values
from deltalora.metrics.java import LineProcess, NoAnswerError
from deltalora.metrics.multi_bleu import prepare, word_tokens
from deltalora.metrics.paraphrases import cut_table, words_of

log = logging.getLogger(__name__)

# METEOR 1.5, English, the "rank" task: what `-l en` selects in the jar.
_ALPHA, _BETA, _GAMMA, _DELTA = 0.85, 0.2, 0.6, 0.75
_MODULE_WEIGHTS = np.array([1.0, 0.6, 0.8, 0.6])  # exact, stem, synonym, paraphrase
_COLUMNS = 23
_CHUNKS = 20

_JAR = Path(coco_meteor.__file__).with_name(coco_meteor.METEOR_JAR)
# The client compiler alone: a test set is scored before the optimising one has paid off.
_ARGUMENTS = ("-XX:TieredStopAtLevel=1", "-Xmx2G", "-jar", _JAR.name, "-", "-", "-stdio", "-l", "en", "-norm")
_PROCESS = LineProcess("METEOR", _ARGUMENTS, _JAR.parent)


class Meteor(TextMetric, AdditiveMetric):
    """METEOR 1.5 (`-l en -norm`) on PTB tokens: the jar's own aggregate, not the mean of segments.

    With weighted precision P and recall R of the summed statistics, and fragmentation = chunks / mean number of
    matched words,

        METEOR = (1 - γ · fragmentation^β) · P·R / (α·P + (1-α)·R)

    where a match has its module's weight, times δ for a content word and 1-δ for a function word. The best-scoring
    reference of a segment gives its statistics.

    Statistics (n, 23), the fields of a `SCORE` answer: length of hypothesis and of reference; function words of both;
    for each of the four modules the matched content words of both and function words of both; chunks; matched words
    of both.

    Same as tuetschek/e2e-metrics@1b9c4d8, whose jar and paraphrase table are those of pycocoevalcap 1.2. The formula
    is the jar's `EVAL`, as a test asserts, so that resampling needs no JVM.
    """

    name = "METEOR"
    waits_for_java = True
    settings = f"{ptb.SIGNATURE}|lang:en|task:rank|norm:yes|agg:corpus|impl:meteor-1.5.jar"

    def segment_statistics(
        self, hypotheses: Sequence[str], references: Sequence[Sequence[str]], ids: Sequence[str]
    ) -> Statistics:
        """Return statistics (n, 23).

        Raises:
            MetricError: The jar ended or hung over an example, or its answer is malformed; names the example.
        """
        rows = np.empty((len(hypotheses), _COLUMNS))
        texts, blocks = self._tokenize(hypotheses, references, ids)
        _PARAPHRASES.cover([*texts, *chain.from_iterable(blocks)])
        for row, text, block, identifier in zip(rows, texts, blocks, ids, strict=True):
            try:
                answer = _answer(_score_line(text, block))
            except NoAnswerError as error:
                raise MetricError(f"{error}; the example was {identifier}") from error
            try:
                row[:] = [float(field) for field in answer.split()]
            except ValueError:
                raise MetricError(
                    f"METEOR: expected {_COLUMNS} numbers for {identifier}, found {answer!r}; look at that text"
                ) from None
        return rows

    def terms(self, statistics: Statistics) -> Statistics:
        """Return the statistics, with the chunk of a perfect segment set to 0.

        A segment that is matched whole and in one piece has no fragmentation: the jar leaves its chunk out of the sum.
        """
        content, function = _matches(statistics)
        whole = ((content + function).sum(axis=1) == statistics[:, 0:2]).all(axis=1)
        terms = statistics.copy()
        terms[whole & (statistics[:, _CHUNKS] == 1.0), _CHUNKS] = 0.0
        return terms

    def value_of_sums(self, sums: Statistics, numbers: Values) -> Values:
        """Return METEOR of summed terms, from 0 to 1; 0 where nothing matches."""
        content, function = _matches(sums)
        weighted = _MODULE_WEIGHTS @ (_DELTA * content + (1 - _DELTA) * function)
        matched = weighted.all(axis=1)
        lengths, function_words = sums[matched, 0:2], sums[matched, 2:4]
        rates = weighted[matched] / (_DELTA * (lengths - function_words) + (1 - _DELTA) * function_words)
        precision, recall = rates.T
        f_mean = 1.0 / ((1 - _ALPHA) / precision + _ALPHA / recall)
        fragmentation = sums[matched, _CHUNKS] / sums[matched, _CHUNKS + 1 :].mean(axis=1)
        values = np.zeros(len(sums))
        values[matched] = np.maximum(0.0, f_mean * (1.0 - _GAMMA * fragmentation**_BETA))
        return values

    def _tokenize(
        self, hypotheses: Sequence[str], references: Sequence[Sequence[str]], ids: Sequence[str]
    ) -> tuple[list[str], list[list[str]]]:
        return ptb.tokenize(hypotheses, ids), ptb.tokenize_references(references, ids)


class WebNLGMeteor(Meteor):
    """The same METEOR 1.5 (`-l en -norm`) on prepared, word-tokenised text, as the WebNLG scorer feeds it to the jar.

    Same as `meteor_score` of WebNLG/GenerationEval's eval.py, which runs the jar on files, with one difference: its
    files end in a line feed that it reads as one more, empty, segment; the jar then finds unequal lengths, and the
    script prints -1 for METEOR. Here that line is dropped. The 2017 organisers' published METEOR is the same number.
    """

    settings = "case:lc|tok:split-W+nltk|lang:en|task:rank|norm:yes|agg:corpus|blank-line:dropped|impl:meteor-1.5.jar"

    def _tokenize(
        self, hypotheses: Sequence[str], references: Sequence[Sequence[str]], ids: Sequence[str]
    ) -> tuple[list[str], list[list[str]]]:
        return [_words(text) for text in hypotheses], [[_words(text) for text in block] for block in references]


def _matches(rows: Statistics) -> tuple[Statistics, Statistics]:
    """Return matched content words and matched function words, each (rows, module, hypothesis and reference)."""
    matches = rows[:, 4:_CHUNKS].reshape(-1, 4, 4)
    return matches[:, :, 0:2], matches[:, :, 2:4]


def _words(text: str) -> str:
    return " ".join(word_tokens(prepare(text)))


def _score_line(hypothesis: str, references: Sequence[str]) -> str:
    # `|||` separates the fields, so it must not occur in them; three single bars are the same to METEOR.
    fields = [text.replace("|||", "| | |") for text in (*references, hypothesis)]
    return " ||| ".join(["SCORE", *fields])


class _Paraphrases:
    """Which part of its paraphrase table the jar has: the pairs that the texts so far can touch, none before."""

    def __init__(self) -> None:
        self._words: set[str] = set()
        self._folder: Path | None = None
        self._lock = threading.Lock()

    def cover(self, texts: Sequence[str]) -> None:
        """Restart the jar with what these texts need, where it lacks any; with its whole table without a cache."""
        words = words_of(texts)
        with self._lock:
            if words <= self._words:
                return
            self._words |= words
            try:
                content = cut_table(_JAR.parent / "data" / "paraphrase-en.gz", self._words)
                if self._folder is None:
                    self._folder = Path(tempfile.mkdtemp(prefix="deltalora-meteor-"))
                    atexit.register(shutil.rmtree, self._folder, ignore_errors=True)
                table = self._folder / f"{len(self._words)}.gz"
                table.write_bytes(content)
            except OSError as error:
                log.warning("METEOR: cannot keep an index of its paraphrase table (%s): it reads all of it", error)
                _PROCESS.restart_with(_ARGUMENTS)
            else:
                _PROCESS.restart_with([*_ARGUMENTS, "-a", str(table)])


_PARAPHRASES = _Paraphrases()


@lru_cache(maxsize=20_000)
def _answer(line: str) -> str:
    return _PROCESS.ask(line)  # cached: many outputs do not change between two epochs
