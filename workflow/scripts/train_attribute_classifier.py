"""Rule train_attribute_classifier: what tells from pixels which attributes a face shows."""

from facegap.joblog import log_to
from facegap.synthesise.recogniser import train_attribute_classifier

if __name__ == "__main__":
    log_to(snakemake.log[0])
    train_attribute_classifier(
        cast_parquet=snakemake.input.cast,
        faces_parquet=snakemake.input.faces,
        aligned_parquet=snakemake.input.aligned,
        crop_shards=snakemake.input.crops,
        classifier_safetensors=snakemake.output.classifier,
        attributes=snakemake.params.attributes,
        iterations=snakemake.params.classifier["iterations"],
        batch=snakemake.params.classifier["batch"],
        rate=snakemake.params.classifier["rate"],
        threads=snakemake.threads,
        seed=snakemake.params.seed,
    )
