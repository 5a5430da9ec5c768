"""facegap: how far face models fall across a boundary. The includes, in order, are the study."""

from snakemake.utils import min_version

min_version("9.19")

if (
    not workflow.config_settings.configfiles
):  # a study of its own, never merged with the default

    configfile: "config/config.yaml"


report: "workflow/report/study.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/acquire.smk"
include: "workflow/rules/align.smk"
include: "workflow/rules/annotate.smk"
include: "workflow/rules/classify.smk"
include: "workflow/rules/partition.smk"
include: "workflow/rules/synthesise.smk"
include: "workflow/rules/judge.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/start.smk"


onstart:
    check_results()
    check_data()
    check_answers()
    check_leftovers()
    keep_changed()


onsuccess:
    if Path(f"{STUDY}/report/index.html").exists():
        print(f"The report is at {STUDY}/report/index.html")


rule all:
    default_target: True
    input:
        rules.acquire.input,
        rules.align.input,
        rules.annotate.input,
        rules.classify.input,
        rules.partition.input,
        rules.synthesise.input,
        rules.judge.input,
        rules.report.input,
