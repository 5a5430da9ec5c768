"""facegap for `snakemake` in this folder; the workflow itself is workflow/Snakefile."""


include: "workflow/Snakefile"


rule everything:  # an include keeps its default target to itself
    default_target: True
    input:
        rules.all.input,
