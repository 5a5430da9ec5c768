"""The stages, in their order, and what each makes."""

STAGES = {
    "acquire": "images, and what is known of them",
    "align": "every face in one frame",
    "annotate": "labels of the boundary",
    "classify": "the transfer-learning grid",
    "partition": "every face of the target on one side, or left out",
    "synthesise": "StarGAN, trained on one side",
    "measure": "estimates with intervals, of every model",
    "judge": "people compare its outputs",
    "report": "this page",
}
