"""Penn Treebank tokens as the COCO caption scorers want them: CoreNLP 3.4.1, lower-cased, punctuation dropped.

METEOR, ROUGE-L and CIDEr start from these, so every sentence is tokenised once per process: another system, or another
epoch, against the same references costs only the new hypotheses.
"""

import threading
from pathlib import Path

import pycocoevalcap.tokenizer.ptbtokenizer as coco_tokenizer

from deltalora.errors import MetricError
from deltalora.metrics.base import References, Texts, numbered
from deltalora.metrics.java import run_java

#: The tokens' part of a metric's signature; isolated: a sentence's tokens do not depend on its neighbours.
SIGNATURE = "case:lc|tok:ptb-corenlp-3.4.1|punct:no|ptb:isolated"

_JAR = Path(coco_tokenizer.__file__).with_name(coco_tokenizer.STANFORD_CORENLP_3_4_1_JAR)
_PROGRAM = ("-XX:TieredStopAtLevel=1", "-cp", _JAR.name, "edu.stanford.nlp.process.PTBTokenizer")
_FLAGS = ("-encoding", "UTF-8", "-preserveLines", "-lowerCase")
_PUNCTUATION = frozenset(coco_tokenizer.PUNCTUATIONS)
#: CoreNLP starts a new line at each of these, which would shift every later sentence.
_LINE_ENDS = str.maketrans(dict.fromkeys("\n\r\v\f\u2028\u2029", " "))
#: CoreNLP looks across the end of a line: a final "a." keeps or loses its period depending on how the next line starts.
#: The same common word after each sentence makes its tokens independent of its neighbours.
_NEXT_LINE = "The"
_REMEMBERED = 200_000

_tokens: dict[str, str] = {}
_lock = threading.Lock()


def tokenize(sentences: Texts, ids: Texts | None = None) -> list[str]:
    """Return the tokens of each sentence, joined by single spaces; empty where only punctuation is left.

    Brackets stay, as `-lrb-` and the like: the original lower-cases them before it drops `-LRB-`.

    Same as `PTBTokenizer.tokenize` of pycocoevalcap 1.2, the one of tuetschek/e2e-metrics@1b9c4d8, except that a line
    end inside a sentence is a space, and that no sentence's tokens depend on the sentence after it.

    Raises:
        MetricError: CoreNLP failed or hung, or did not give one line for a sentence, which is named by its id.
    """
    names = numbered(sentences) if ids is None else ids
    lines = [sentence.translate(_LINE_ENDS).strip() for sentence in sentences]
    with _lock:
        if len(_tokens) > _REMEMBERED:
            _tokens.clear()
        unseen = {line: name for line, name in zip(lines, names, strict=True) if line not in _tokens}
        if unseen:
            _tokens.update(zip(unseen, _corenlp(list(unseen), list(unseen.values())), strict=True))
        return [_tokens[line] for line in lines]


def tokenize_references(references: References, ids: Texts | None = None) -> list[list[str]]:
    """Tokenise the references of each segment, as `tokenize`; `ids` are the segments' names."""
    segments = numbered(references) if ids is None else ids
    names = [f"a reference of {name}" for name, block in zip(segments, references, strict=True) for _ in block]
    tokens = iter(tokenize([text for block in references for text in block], names))
    return [[next(tokens) for _ in block] for block in references]


def _corenlp(lines: Texts, names: Texts) -> list[str]:
    output = _run(lines)
    if len(output) != 2 * len(lines):
        raise MetricError(
            f"PTB tokenizer: expected one line of tokens for {names[_first_broken(lines)]}, found another number "
            "from CoreNLP; remove control characters from that text"
        )
    return [" ".join(token for token in line.split(" ") if token not in _PUNCTUATION).strip() for line in output[::2]]


def _run(lines: Texts) -> list[str]:
    text = "".join(f"{line}\n{_NEXT_LINE}\n" for line in lines)
    return run_java("PTB tokenizer", [*_PROGRAM, *_FLAGS], _JAR.parent, text).split("\n")[:-1]


def _first_broken(lines: Texts) -> int:
    """Return the index of the first line that does not come back as one, by bisection."""
    low, high = 0, len(lines)
    while high - low > 1:
        middle = (low + high) // 2
        if len(_run(lines[low:middle])) != 2 * (middle - low):
            high = middle
        else:
            low = middle
    return low
