"""What the site has from other folders: the report of a study, and a notebook run on its tables."""

import os
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from nbconvert import MarkdownExporter
from nbconvert.preprocessors import ExecutePreprocessor

ROOT = Path(__file__).parents[1]
STUDY = "FACEGAP_STUDY"  # the folder of the study's results; the notebook asks for it too


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the report below `example/`, and the notebook as a page with what it printed."""
    study = ROOT / os.environ.get(STUDY, "results/drawn")
    os.environ[STUDY] = str(study)
    report = study / "report"
    if not (report / "index.html").exists():
        raise PluginError(f"{report}: no report; run the study first (make docs does)")
    if not (study / "classify").exists():
        raise PluginError(f"{study}: an audit; the notebook reads a study that trains classifiers")
    for path in filter(Path.is_file, report.rglob("*")):
        name = f"example/{path.relative_to(report)}"
        files.append(File.generated(config, name, abs_src_path=str(path)))
    quiet = ["--IPKernelApp.log_level=ERROR"]  # else it warns of its port, this machine's own
    execute = ExecutePreprocessor(kernel_name="python3", extra_arguments=quiet)
    exporter = MarkdownExporter(preprocessors=[execute])
    page, made = exporter.from_filename(str(ROOT / "examples/explore.ipynb"))
    files.append(File.generated(config, "explore.md", content=page))
    for name, content in made["outputs"].items():
        files.append(File.generated(config, name, content=content))
    return files
