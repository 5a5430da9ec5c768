"""facegap: how far face models fall across a demographic boundary. The includes, in order, are the study."""

from snakemake.utils import min_version

min_version("9.19")

if not workflow.config_settings.configfiles:  # a study of its own, never merged with the default

    configfile: "config/config.yaml"


report: "workflow/report/study.rst"


include: "workflow/rules/common.smk"

for stage in "acquire align annotate classify partition synthesise judge report".split():
    if (Path(workflow.basedir) / f"workflow/rules/{stage}.smk").exists():
        include: f"workflow/rules/{stage}.smk"

rule all:
    default_target: True
    input:
        [],
