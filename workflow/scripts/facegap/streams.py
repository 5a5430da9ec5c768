"""Every random choice has a stream of its own, named here.

Streams of their own keep choices apart: sampling one face more in acquire moves nothing in judge.
The words of a stream outlive the names of the code around it: changing one changes results. A
rule's code carries the streams that it names, so that one more reruns nothing else.
"""

STREAMS: dict[str, tuple[str, ...]] = {  # by name; {...} is filled in by the caller
    "drawn_persons": ("acquire", "{dataset}", "persons"),
    "drawn_person": ("acquire", "{dataset}", "person", "{subject}"),
    "drawn_picture": ("acquire", "{dataset}", "picture", "{face_id}"),
    "sampled_faces": ("acquire", "{dataset}", "choice"),
    "split": ("acquire", "{dataset}", "split"),
    "simulated_annotator": ("annotate", "{annotator}"),
    "labelling_order": ("annotate", "order", "{annotator}"),
    "agreement": ("annotate", "agreement"),
    "random_weights": ("classify", "weights", "{backbone}"),
    "augmented_copy": ("classify", "view", "{dataset}", "{face_id}", "{copy}"),
    "preprocessing_samples": ("classify", "samples", "{dataset}"),
    "head_masks": (
        *("classify", "tuned", "{backbone}", "{preprocessing}", "{head_optimiser}"),
        *("{trained_on}", "{repeat}", "draws"),
    ),
    "head_order": (
        *("classify", "tuned", "{backbone}", "{preprocessing}", "{head_optimiser}"),
        *("{trained_on}", "{repeat}", "order"),
    ),
    "fine_tuning_masks": (
        *("classify", "fine-tuned", "{backbone}", "{preprocessing}", "{head_optimiser}"),
        *("{fine_tuning_optimiser}", "{trained_on}", "{repeat}", "draws"),
    ),
    "fine_tuning_order": (
        *("classify", "fine-tuned", "{backbone}", "{preprocessing}", "{head_optimiser}"),
        *("{fine_tuning_optimiser}", "{trained_on}", "{repeat}", "order"),
    ),
    "fresh_copy": (
        *("classify", "fine-tuned", "{backbone}", "{preprocessing}", "{head_optimiser}"),
        *("{fine_tuning_optimiser}", "{trained_on}", "{repeat}", "view", "{face_id}", "{epoch}"),
    ),
    "source_validation": ("classify", "validation"),
    "halves": ("classify", "halves", "{dataset}"),
    "selection_optimism": ("classify", "optimism", "{criterion}"),
    "folds": ("classify", "folds", "{dataset}"),
    "arm": ("classify", "arm", "{arm}", "{dataset}"),
    "saliency_faces": ("classify", "saliency", "{dataset}"),
    "simulated_verifier": ("partition", "{verifier}"),
    "roles": ("synthesise", "cast"),
    "stargan_weights": ("synthesise", "weights"),
    "stargan_epoch": ("synthesise", "epoch", "{epoch}"),
    "stargan_step": ("synthesise", "step", "{step}"),
    "stargan_samples": ("synthesise", "samples"),
    "reconstruction": ("synthesise", "reconstruction"),
    "attribute_classifier_weights": ("synthesise", "classifier", "weights"),
    "attribute_classifier_batches": ("synthesise", "classifier", "batches"),
    "realism_splits": ("measure", "realism", "splits", "{attribute}", "{group}"),
    "realism_null_splits": ("measure", "realism", "null splits", "{seed_of_synthesis}"),
    "identity_of_real_faces": ("measure", "identity", "{side}"),
    "realism_halves": ("synthesise", "realism", "halves"),
    "pairs": ("judge", "pairs"),
    "blinding": ("judge", "blinding"),
    "blinded_id": ("judge", "blinded", "{what}", "{count}"),
    "simulated_responses": ("judge", "responses", "{participant}"),
    "simulated_familiarity": ("judge", "familiar", "{participant}"),
    "judge_estimates": ("judge", "estimates"),
    "power": ("judge", "power", "{share}", "{participants}", "{pairs}", "{persons}"),
    "rejected_shares": ("report", "rejected", "{dataset}", "{grouping}"),
    "figure1": ("report", "figure1", "{dataset}"),
    "rejected_faces": ("report", "rejected faces", "{dataset}"),
}
