"""Another workflow, in another folder, that has facegap as a module."""

import shutil
from pathlib import Path

from runs import MICRO, STUDY, copy_code, finished, planned, snakemake

from facegap.tables.acquire import FACES
from facegap.tables.base import read_table

ANOTHER = """
configfile: "micro.yaml"

module facegap:
    snakefile: "{snakefile}"
    config: config

use rule * from facegap

rule count_faces:
    default_target: True
    input: "{study}/annotate/source/labels.parquet", "{study}/acquire/source/faces.parquet"
    output: "count.txt"
    shell: "echo counted > {{output}}"
"""


def test_facegap_is_a_module_of_another_workflow(tmp_path: Path) -> None:
    code = copy_code(tmp_path / "facegap")
    folder = tmp_path / "another"
    folder.mkdir()
    shutil.copy(code / "micro.yaml", folder)
    snakefile = code / "workflow/Snakefile"
    (folder / "Snakefile").write_text(ANOTHER.format(snakefile=snakefile, study=STUDY))
    done = snakemake(folder, "--cores", "2")
    assert done.returncode == 0, done.stdout[-6000:]
    assert finished(done.stdout) == {"draw_faces": 1, "label_own": 1, "count_faces": 1}
    assert len(read_table(folder / STUDY / "acquire/source/faces.parquet", FACES))
    nothing = snakemake(folder, "-n")
    assert (nothing.returncode, planned(nothing.stdout)) == (0, {})
    alone = planned(snakemake(code, "-n", *MICRO).stdout)
    made = {"draw_faces": alone["draw_faces"] - 1}
    rest = planned(snakemake(folder, "-n", "all").stdout)
    assert rest == {name: n for name, n in alone.items() if name != "label_own"} | made
