"""Rule measure_realism: how good the translations of both domains are, in numbers."""

from facegap.joblog import log_to
from facegap.synthesise.realism import measure_realism

if __name__ == "__main__":
    log_to(snakemake.log[0])
    measure_realism(
        translations_npy=snakemake.input.images,
        translations_parquet=snakemake.input.tables,
        classifier_safetensors=snakemake.input.classifier,
        faces_parquet=snakemake.input.faces,
        inception_pth=snakemake.input.inception,
        realism_parquet=snakemake.output.realism,
        gaps_parquet=snakemake.output.gaps,
        scores_parquet=snakemake.output.scores,
        synthesis_seeds=snakemake.params.seeds,
        confidence=snakemake.params.confidence,
        threads=snakemake.threads,
        seed=snakemake.params.seed,
    )
