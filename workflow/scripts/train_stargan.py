"""Rule train_stargan: one generator, trained on one side of the boundary."""

from facegap.joblog import log_to
from facegap.synthesise.training import train_stargan

if __name__ == "__main__":
    log_to(snakemake.log[0])
    train_stargan(
        cast_parquet=snakemake.input.cast,
        faces_parquet=snakemake.input.faces,
        crop_shards=snakemake.input.crops,
        generator_safetensors=snakemake.output.generator,
        losses_csv=snakemake.output.losses,
        tensorboard=f"{snakemake.params.tensorboard}/seed-{snakemake.wildcards.seed}",
        attributes=snakemake.params.attributes,
        exclusive=snakemake.params.exclusive,
        generator=snakemake.params.generator,
        critic=snakemake.params.critic,
        weights=snakemake.params.weights,
        iterations=snakemake.params.iterations,
        critic_steps=snakemake.params.critic_steps,
        batch=snakemake.params.batch,
        rate=snakemake.params.rate,
        betas=snakemake.params.betas,
        decay=snakemake.params.decay,
        save_seconds=snakemake.resources.save_seconds,
        save_steps=snakemake.params.save_steps,
        gpu=snakemake.params.gpu,
        threads=snakemake.threads,
        seed=int(snakemake.wildcards.seed),
    )
