"""The figures of the report, as data: read by the rules, the page, Snakemake's report and tests.

Light, since the Snakefile reads it. A figure is added by its entry here and its plot function.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from operator import attrgetter
from typing import Any

from facegap.settings.study import Study


@dataclass(frozen=True)
class Figure:
    """A figure: one rule, plot_<name>, which writes it as PNG and as SVG.

    `plot` is a function of the module `facegap.<module>`. It takes `inputs` (FIGURE_INPUTS of
    report.smk) and `params` (display: a `theme.Display`; seed) by name, and `png` and `svg`.
    """

    name: str
    module: str
    plot: str
    inputs: tuple[str, ...]
    section: str  # of the page: where `pictures(section)` stands in a template
    alt: str
    caption: str  # may have fields: {inside} and others of `words`
    params: tuple[str, ...] = ()
    part: str | None = "classify"  # of the study, without which there is no such figure
    needs: str | None = None  # a key of the settings without whose values there is no such figure


TABLES = tuple(
    Figure(
        name=f"table{number}",
        module="report.plots",
        plot="plot_simulated_table" if number == 5 else "plot_table",
        inputs=("table", "judge_summary") if number == 5 else ("table",),
        section=f"table{number}",
        alt=f"Table {number} as intervals",
        caption=caption,
        part="judge" if number == 5 else "classify",
    )
    for number, caption in enumerate(
        (
            "Accuracy of each network with a trained head (Tuned) and after fine-tuning (Fine"
            " Tuned), on the test parts of source and target.",
            "Accuracy of each fine-tuned network, trained on the faces as they are and on augmented"
            " ones.",
            "The selected backbone by pairs of optimisers (head training/fine-tuning), on augmented"
            " faces: loss and accuracy on the target, and epochs until the training converged.",
            "The selected backbone step by step, and the benchmark: its selected configuration,"
            " trained on the target itself.",
            "Share of answers that chose the output of a face of either side, by {control}.",
        ),
        1,
    )
)
FIGURES = (
    Figure(
        name="models",
        module="report.audit",
        plot="plot_models",
        inputs=("estimates",),
        params=("display",),
        section="models",
        alt="Audited models by group",
        caption=(
            "What was audited, by group of persons, with intervals over persons. Dashed: all faces."
            " Groups of too few persons, or of one kind of right answer alone, are not shown."
        ),
        part=None,
        needs="by_group",
    ),
    Figure(
        name="tones",
        module="report.audit",
        plot="plot_tones",
        inputs=("estimates",),
        params=("display",),
        section="models",
        alt="Audited models by skin tone and hue",
        caption=(
            "What was audited, by skin tone (the individual typology angle, from dark to light) and"
            " by hue (from red to yellow) of the aligned picture, in bands of about equally many"
            " faces, each at its middle; intervals over persons. Light and camera are in both."
        ),
        part=None,
        needs="by_tone",
    ),
    Figure(
        name="detection_errors",
        module="report.audit",
        plot="plot_detection_errors",
        inputs=("estimates",),
        params=("display",),
        section="models",
        alt="False non-match rate against false match rate, by group",
        caption=(
            "Detection error trade-off of recognisers: false matches of different persons who are"
            " alike in gender and age band, and false non-matches of one person, as the threshold"
            " moves. Curves apart at one threshold are not seen here: the table has the rates."
        ),
        part=None,
        needs="recognisers",
    ),
    Figure(
        name="landmarker",
        module="report.audit",
        plot="plot_landmarker",
        inputs=("estimates",),
        params=("display",),
        section="landmarker",
        alt="The landmarker by group",
        caption=(
            "The landmarker of this study’s own pipeline by group of persons: faces that it does"
            " not find, the error of its points where they are known, and faces that it takes for"
            " blinking or smiling. Intervals over persons. Dashed: all faces."
        ),
        part=None,
    ),
    Figure(
        name="rejected",
        module="report.plots",
        plot="plot_rejected",
        inputs=("rejected_shares",),
        params=("display",),
        section="rejected",
        alt="Share of faces that were rejected, by group",
        caption=(
            "Share of each group that alignment rejected. Intervals: Wilson’s, with the effective"
            " number of persons. p: of equal shares, by exchanging labels between persons at"
            " random, adjusted for all tests by Holm’s method; none where no face was rejected."
        ),
        part=None,
    ),
    Figure(
        name="rejected_faces",
        module="report.sheets",
        plot="plot_rejected_faces",
        inputs=("rejected", "thumbnails"),
        params=("display", "seed"),
        section="rejected",
        alt="Rejected faces, with the reasons",
        caption=(
            "Faces that alignment rejected, sampled by seed, and why. Grey: the image could not be"
            " read."
        ),
        part=None,
        needs="report.faces",
    ),
    Figure(
        name="figure1",
        module="report.sheets",
        plot="plot_samples",
        inputs=("source_crops", "target_crops", "source_aligned", "target_aligned"),
        params=("display", "seed"),
        section="run",
        alt="Samples of both data sets",
        caption="Figure 1. Faces of both data sets, sampled by seed.",
        needs="report.faces",
    ),
    Figure(
        name="figure3",
        module="report.sheets",
        plot="plot_contentious",
        inputs=("target_labels", "sides", "target_crops", "target_aligned"),
        params=("display",),
        section="labels",
        alt="Contentious faces",
        caption="Figure 3. Faces that are hard to place.",
        part="partition",
        needs="report.faces",
    ),
    Figure(
        name="figure2",
        module="report.sheets",
        plot="plot_preprocessing",
        inputs=("samples",),
        section="preprocessing",
        alt="Crops and augmented copies",
        caption="Figure 2. Faces as they come, cropped to the face, and augmented at random.",
        needs="report.faces",
    ),
    Figure(
        name="gap",
        module="report.models",
        plot="plot_gap",
        inputs=("classification", "selected"),
        section="gap",
        alt="Transfer loss and transfer gap, with negative controls",
        caption=(
            "In points of balanced accuracy. Orange: the selected configuration’s transfer loss (on"
            " the same target faces, the benchmark trained in the target less the model trained in"
            " the source) and transfer gap (one model, source less target). Blue: the transfer gap"
            " of every fine-tuned configuration. Grey: negative controls, in which there is nothing"
            " to find. Intervals account for persons and trainings."
        ),
    ),
    *TABLES,
    Figure(
        name="groups",
        module="report.models",
        plot="plot_groups",
        inputs=("classification",),
        params=("display",),
        section="measures",
        alt="Accuracy by group of persons",
        caption=(
            "Accuracy of the selected configuration by side, gender, age and their crossings, as"
            " the data sets and annotators label them; groups of fewer than ten persons are left"
            " out. Wilson’s intervals over persons."
        ),
    ),
    Figure(
        name="calibration",
        module="report.models",
        plot="plot_calibration",
        inputs=("classification",),
        params=("display",),
        section="measures",
        alt="Calibration of the selected configuration",
        caption=(
            "How often a face is {inside}, by the probability that the selected configuration"
            " gives it. On the dashed line the two are equal."
        ),
    ),
    Figure(
        name="transfer",
        module="report.models",
        plot="plot_transfer",
        inputs=("classification", "selected"),
        section="measures",
        alt="Transfer matrix",
        caption=(
            "Balanced accuracy of the model that was selected for each data set, trained on its"
            " training part (rows) and tested on the test part of each (columns). Intervals"
            " account for persons and trainings."
        ),
    ),
    Figure(
        name="saliency",
        module="report.models",
        plot="plot_saliency",
        inputs=("saliency",),
        params=("display",),
        section="measures",
        alt="What the selected configuration looks at",
        caption=(
            "How much single pixels speak for either side to the selected configuration"
            " (integrated gradients from a grey face, mean over the repeats). It shows where a"
            " network looks, not why."
        ),
        needs="report.faces",
    ),
    Figure(
        name="crossed",
        module="report.crossed",
        plot="plot_crossed",
        inputs=("task_estimates",),
        params=("display",),
        section="boundary",
        alt="Accuracy of each head on each side of each data set",
        caption=(
            "Balanced accuracy of heads that learn a task on one side of a data set, or on both"
            " (rows), on the faces of each side of each data set (columns); all on equally many"
            " faces."
        ),
        needs="classify.tasks.labels",
    ),
    Figure(
        name="effects",
        module="report.crossed",
        plot="plot_effects",
        inputs=("task_estimates",),
        params=("display",),
        section="boundary",
        alt="Advantages of the own side and of the own data set",
        caption=(
            "Blue: on the same faces, heads trained on their side less heads trained on the other."
            " Orange: the sum of both, the interaction. Grey: heads trained in the faces’ data set"
            " less heads trained in the other. Intervals account for persons and trainings."
        ),
        needs="classify.tasks.labels",
    ),
    Figure(
        name="dose",
        module="report.crossed",
        plot="plot_dose",
        inputs=("task_estimates",),
        params=("display",),
        section="dose",
        alt="Accuracy on either side, and the gap, by the share of the other side in training",
        caption=(
            "Heads trained on a fixed number of faces of a data set, by the share of {outside}"
            " among them, tested on its faces of either side; below, the gap between the sides."
            " Intervals account for persons and trainings."
        ),
        needs="classify.tasks.dose.tasks",
    ),
    Figure(
        name="arms",
        module="report.crossed",
        plot="plot_arms",
        inputs=("arms",),
        params=("display",),
        section="arms",
        alt="Advantages of the generators of the own side",
        caption=(
            "Blue: on the same faces, generators trained on their side less generators trained on"
            " the other. Orange: the sum of both, the interaction. Of errors and distances, of"
            " which less is better, with the other sign. Intervals account for persons and pairs of"
            " seeds."
        ),
        needs="synthesise.crossed",
        part="synthesise",
    ),
    Figure(
        name="arms_dose",
        module="report.crossed",
        plot="plot_arms_dose",
        inputs=("every_realism",),
        params=("display",),
        section="arms_dose",
        alt="Measures of realism of either side, by the share of the other side in training",
        caption=(
            "Generators trained on a fixed number of faces, by the share of {outside} among them:"
            " each measure on translations of unseen faces of either side, mean over seeds, with"
            " intervals over persons and seeds."
        ),
        needs="synthesise.dosed",
        part="synthesise",
    ),
    Figure(
        name="parts",
        module="report.crossed",
        plot="plot_parts",
        inputs=("parts",),
        params=("display",),
        section="parts",
        alt="What accounts for the gaps",
        caption=(
            "Each gap of the selected configuration; by how much it changes when the two groups of"
            " faces are made alike in who is on them, in how they were taken, or are cropped again,"
            " closer; and what remains. Whiskers: intervals of the parts, over persons and"
            " trainings."
        ),
    ),
    Figure(
        name="multiverse",
        module="report.crossed",
        plot="plot_multiverse",
        inputs=("multiverse",),
        section="multiverse",
        alt="The primary outcome under other readings",
        caption=(
            "The primary outcome, of heads, under each reading that was tried, in order, with its"
            " interval over persons and trainings; blue: it does not hold zero. Below, a mark where"
            " a reading reads so."
        ),
        needs="classify.multiverse.readings",
    ),
    Figure(
        name="learning_curve",
        module="report.crossed",
        plot="plot_learning_curve",
        inputs=("learning_curve",),
        section="learning_curve",
        alt="Accuracy on the target by the number of its labelled faces",
        caption=(
            "Heads trained on so many labelled faces of the target, tested on its test part, with"
            " intervals over persons and trainings. Orange: the head of the selected configuration,"
            " trained on the source, with its interval."
        ),
        needs="classify.learning_curve.faces",
    ),
    Figure(
        name="figure4",
        module="report.sheets",
        plot="plot_translations",
        inputs=("arrays", "translations", "scores"),
        params=("display", "seed_of_synthesis"),
        section="synthesis",
        alt="Translations of unseen faces",
        caption=(
            "Figure 4. Of the unseen faces of either side the best, the median and the worst, by"
            " how sure the attribute classifier is of what was changed, with one attribute at a"
            " time changed as it says below, by the generator of seed {seed}, after {iterations}"
            " steps at {size} pixels. Grey: the face has this hair colour already, or hardly any"
            " face has both (synthesise.attributes.least_together). Above the line the side that"
            " was trained on, below it the other."
        ),
        part="synthesise",
        needs="report.faces",
    ),
    Figure(
        name="realism",
        module="report.plots",
        plot="plot_realism",
        inputs=("realism",),
        section="realism",
        alt="Measures of realism by seed",
        caption=(
            "A line a seed, with Student’s t intervals over persons. Dashed: what two sets of real"
            " faces of the same size are apart. Below each the gap, mean over seeds, with its"
            " interval over persons and seeds, and where the gaps between random halves of the"
            " in-domain persons lie."
        ),
        part="synthesise",
    ),
)


def figures_of(study: Study) -> list[Figure]:
    """The figures that a study has."""
    return [
        figure
        for figure in FIGURES
        if (figure.part is None or figure.part in study.parts) and has(study, figure.needs)
    ]


def has(study: Study, key: str | None) -> bool:
    """Whether the study's settings have values at the dotted `key`; no key is needed: yes."""
    return key is None or bool(attrgetter(key)(study))


def plot_of(rule: str) -> Callable[..., None]:
    """The plot function of the rule plot_<figure>, by whatever prefix a module use gives it."""
    names = {f"plot_{figure.name}": figure for figure in FIGURES}
    figure = names["plot_" + rule.rpartition("plot_")[2]]
    function: Callable[..., None] = getattr(import_module(f"facegap.{figure.module}"), figure.plot)
    return function


def words(study: Study) -> Mapping[str, Any]:
    """What the captions name of a study."""
    return {
        "inside": study.sides.inside,
        "outside": study.sides.outside,
        "control": study.synthesise.attributes.control,
        "seed": study.synthesise.seeds[0],
        "iterations": f"{study.synthesise.training.iterations:,}".replace(",", "\u202f"),
        "size": study.align.crops.centre.size,
    }
