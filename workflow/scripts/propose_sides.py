"""Rule propose_sides: what the kept model says of every face of the target."""

from facegap.classify.proposals import propose_sides
from facegap.joblog import log_to

if __name__ == "__main__":
    log_to(snakemake.log[0])
    propose_sides(
        kept=snakemake.input.kept,
        cells=snakemake.input.cells,
        aligned=snakemake.input.aligned,
        shards=snakemake.input.shards,
        crops=snakemake.params.crops,
        weights_files=dict(zip(snakemake.params.pretrained, snakemake.input.weights, strict=True)),
        proposals=snakemake.output.proposals,
        head=snakemake.params.head,
        sizes=snakemake.params.sizes,
        layers=snakemake.params.layers,
        cache=snakemake.params.cache,
        threads=snakemake.params.threads,
        seed=snakemake.params.seed,
    )
