"""Records tercom's edits of every input of five published WebNLG outputs, two minutes:

    python record_webnlg_tercom.py TERCOM DATA > webnlg_tercom.json

TERCOM is the folder of the compiled classes of jhclark/tercom@e413d07, which is tercom 0.7.25 made a library; DATA the
folder of the fixtures. java must be on PATH. Files and options are those of ter_eval.sh in
abevieiramota/challenge-webnlg@42da206, the organisers' script. Only numbers are kept, no text.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
from published_outputs import WEBNLG, Output, names, read


def edits(classes: Path, output: Output, folder: Path) -> list[int]:
    """Edits of every input against its cheapest reference, in the order of the inputs."""
    hypotheses = [f"{text} (id{number})\n" for number, text in enumerate(output.hypotheses, 1)]
    references = [f"{text} (id{number})\n" for number, block in enumerate(output.references, 1) for text in block]
    (folder / "hyp").write_text("".join(hypotheses), encoding="utf-8")
    (folder / "ref").write_text("".join(references), encoding="utf-8")
    command = ["java", "-cp", str(classes), "ter.TER", "-h", "hyp", "-r", "ref", "-o", "ter", "-n", "out"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return parse((folder / "out.ter").read_text(encoding="utf-8"), len(hypotheses))


def parse(table: str, count: int) -> list[int]:
    """The column of edits of tercom's table, whose first two lines name the files."""
    rows = [line.split() for line in table.split("\n")[2:] if line]
    assert [row[0] for row in rows] == [f"id{number}:1" for number in range(1, count + 1)]
    return [int(float(row[1])) for row in rows]


def main() -> None:
    classes, data = (Path(one).resolve() for one in sys.argv[1:])
    with tempfile.TemporaryDirectory() as folder:
        found = {name: edits(classes, read(data, name), Path(folder)) for name in names(WEBNLG)}
    print(document(found))


def document(found: dict[str, list[int]]) -> str:
    lines = ",\n".join(f'"{name}": {json.dumps(values)}' for name, values in found.items())
    made_by = "tests/golden/metrics/record_webnlg_tercom.py"
    return f'{{"origin": "jhclark/tercom@e413d07", "made_by": "{made_by}", "edits": {{\n{lines}\n}}}}'


if __name__ == "__main__":
    main()
