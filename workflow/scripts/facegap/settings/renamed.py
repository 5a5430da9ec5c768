"""Keys that an earlier version had, and what became of each."""

from collections.abc import Mapping


def _moved(old: str, new: str, *names: str) -> dict[str, str]:
    return {f"{old}.{name}": f"renamed: {new}.{name}" for name in names}


RENAMED = {
    **{name: f"renamed: operations.{name}" for name in ("accept_terms", "offline")},
    "acquire.drawn.gap": "renamed: acquire.drawn.capture_distance",
    **_moved("classify", "classify.grid", "backbones", "protocol", "optimiser_pairs"),
    "classify.alone": "renamed: classify.grid.single_techniques",
    "classify.kept_backbone": "renamed: classify.grid.selected_backbone",
    **_moved("classify", "classify.features", "input_size", "cache"),
    **_moved("classify", "classify.training", "head", "standardise", "momentum", "repeats"),
    "classify.tune": "renamed: classify.training.head_training",
    "classify.fine_tune": (
        "renamed: classify.training.fine_tuning; its layers: classify.features.unfrozen_layers"
    ),
    "classify.convergence": "renamed: classify.training.tolerance",
    "classify.augmentation.views": "renamed: classify.augmentation.copies",
    "classify.threads": "renamed: operations.classify_threads",
    "synthesise.size": "gone: align.crops.centre.size is the size",
    "synthesise.attributes": "renamed: synthesise.attributes.names",
    "synthesise.exclusive": "renamed: synthesise.attributes.exclusive",
    "synthesise.control": "renamed: synthesise.attributes.control",
    **_moved("synthesise", "synthesise.roles", "held_out", "translated"),
    **_moved("synthesise", "synthesise.training", "generator", "weights", "iterations", "batch"),
    **_moved("synthesise", "synthesise.training", "rate", "betas", "decay", "gpu"),
    "synthesise.critic": "renamed: synthesise.training.discriminator",
    "synthesise.critic_steps": "renamed: synthesise.training.discriminator_steps",
    **_moved("synthesise", "operations", "save_seconds", "save_steps"),
    "synthesise.threads": "renamed: operations.synthesise_threads",
    "synthesise.classifier": "renamed: measure.attribute_classifier",
    **_moved("judge", "judge.design", "participants", "pairs", "overlap", "attention", "repeats"),
    **_moved("judge", "judge.design", "training", "familiarity", "criteria", "break_every"),
    "judge.attention_needed": "renamed: judge.attention_threshold",
    "judge.simulated": "renamed: judge.simulation.preference",
    "judge.simulated_familiarity": "renamed: judge.simulation.familiarity",
    **_moved("report", "measure.intervals", "confidence", "age_bands"),
}


def new_name(old: str, value: object) -> str | None:
    """What became of a dotted key, if it had another name; of one that is a section now, a list."""
    if old == "synthesise.attributes" and isinstance(value, Mapping):
        return None
    return RENAMED.get(old)
