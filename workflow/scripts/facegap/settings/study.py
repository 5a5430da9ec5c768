"""The whole configuration of a study."""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import PurePath
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from facegap.kinds import KINDS
from facegap.settings.acquire import Acquire, Dataset, OwnLabel, unknown_columns
from facegap.settings.align import Align
from facegap.settings.annotate import Annotate, People
from facegap.settings.base import Folder, Name, Section, Text, Unique, paper, refuse
from facegap.settings.classify import Classify
from facegap.settings.judge import Judge
from facegap.settings.measure import Measure
from facegap.settings.models import LANDMARKER, Model
from facegap.settings.operations import Operations
from facegap.settings.partition import Partition
from facegap.settings.synthesise import Synthesise

Part = Literal["classify", "partition", "synthesise", "judge"]
PARTS: tuple[Part, ...] = ("classify", "partition", "synthesise", "judge")
NEEDED = ("source", "target")  # data sets of a transfer
SAME_LABEL = {"Male": "gender", "age": "Young"}  # under another name


class Sides(Section):
    """Names of the two sides of the boundary for people."""

    inside: Text = Field(description="Where the synthesis is trained, and the positive class.")
    outside: Text = Field(description="The other side.")


class Report(Section):
    """Stage report."""

    faces: bool = Field(
        True, description="false: no picture of a person is on the page or among the figures."
    )


NAMELESS = Sides(inside="inside", outside="outside")  # of a study without a boundary


# what a platform and its researcher agree on, which changes no result
PLATFORM = {"person", "study", "study_id", "finished", "screened_out", "returned"}


class Study(Section):
    """All that a configuration may say."""

    study: Annotated[str, Field(pattern="^[a-z0-9][a-z0-9_-]*$")] = Field(
        description="Name of the study; its results lie below it, beside assets and bench."
    )
    results: Folder = Field("results", description="Folder of all results.")
    data_root: Folder = Field(
        "data",
        description=(
            "Folder of the files that you have; data set paths are below it. Weights and models"
            " that lie there under their published names are taken, when they are right."
        ),
    )
    seed: int = Field(
        1,
        ge=0,
        description="Every random choice of the study derives from it, but the synthesis's seeds.",
    )
    parts: Annotated[list[Part], Unique()] = Field(
        [*PARTS],
        description=(
            "What the study does beside acquiring, aligning and annotating faces, and auditing the"
            " landmarker and the models: the transfer of classifiers, CelebC and CelebO, the"
            " synthesis, the human study. Synthesise needs partition, judge needs synthesise, and"
            " partition needs classify where people label the target. []: an audit alone."
        ),
    )
    models: dict[Name, Model] = Field(
        {}, description="Models to audit, by their outputs for the test faces (docs/audit.md)."
    )
    boundary: Text = Field(
        "race",
        description=(
            "The boundary that models are carried across: race, gender, age, group (drawn faces),"
            " or any binary label of the data sets (with own_label)."
        ),
        json_schema_extra=paper("1"),
    )
    sides: Sides = Field(
        NAMELESS,
        description=(
            "Names of the two sides for people. inside is where the synthesis is trained, and the"
            " positive class. Of male and female either may be inside; elsewhere own_label tells"
            " which words are, and a name that is a word of the other side is refused."
        ),
        json_schema_extra=paper("3.1 (CelebC, CelebO)"),
    )
    datasets: dict[Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$")], Dataset] = Field(
        description=(
            "source and target, and any further data set with labels of its own, which is a row"
            " and a column of the transfer matrix."
        ),
        json_schema_extra=paper("2.1 (UTKFace and CelebA)"),
    )
    acquire: Acquire = Field(default_factory=Acquire, description="Stage acquire.")
    align: Align = Field(default_factory=Align, description="Stage align.")
    annotate: Annotate = Field(default_factory=Annotate, description="Stage annotate.")
    classify: Classify = Field(default_factory=Classify, description="Stage classify.")
    partition: Partition = Field(
        default_factory=Partition,
        description="Stage partition.",
        json_schema_extra=paper("3.1"),
    )
    synthesise: Synthesise = Field(default_factory=Synthesise, description="Stage synthesise.")
    measure: Measure = Field(default_factory=Measure, description="Stage measure.")
    judge: Judge = Field(default_factory=Judge, description="Stage judge.")
    report: Report = Field(default_factory=Report, description="Stage report.")
    operations: Operations = Field(
        default_factory=Operations, description="What changes no result."
    )

    @model_validator(mode="after")
    def _possible(self) -> Self:
        refuse(
            [
                *self._impossible_parts(),
                *self._impossible_models(),
                *self._impossible_names(),
                *self._impossible_datasets(),
                *self._impossible_pictures(),
                *self._impossible_people(),
                *(self._impossible_tasks() if "classify" in self.parts else ()),
                *(self._impossible_synthesis() if "synthesise" in self.parts else ()),
                *(self._impossible_simulation() if "judge" in self.parts else ()),
                *(self._impossible_comparison() if "judge" in self.parts else ()),
            ]
        )
        return self

    @property
    def recognisers(self) -> list[str]:
        """The audited models that give embeddings."""
        return [name for name, model in self.models.items() if model.kind == "recogniser"]

    @property
    def by_group(self) -> list[str]:
        """The audited models that are measured by group: all but editors."""
        return [name for name, model in self.models.items() if model.kind != "editor"]

    @property
    def by_tone(self) -> bool:
        """Whether models are measured in bands of skin tone and hue."""
        return bool(self.by_group and self.measure.groups.tones)

    @property
    def editors(self) -> list[str]:
        """The audited models that change faces."""
        return [name for name, model in self.models.items() if model.kind == "editor"]

    def dataset_of(self, model: str) -> str:
        """The data set whose faces a model saw: the one named, the only one, or the target."""
        only = next(iter(self.datasets)) if len(self.datasets) == 1 else "target"
        return self.models[model].dataset or only

    @property
    def comparisons(self) -> str:
        """The database of people's comparisons, below data_root, where no other is named."""
        named = self.judge.responses
        own = named and not named.lower().endswith(".csv")
        return str(named) if own else f"comparisons/{self.study}.sqlite"

    @property
    def key_of_visitors(self) -> str:
        """The key of participants who come by one link for all, below data_root."""
        return f"comparisons/{self.study}.key"

    @property
    def secret(self) -> str | None:
        """The file, below data_root, of what blinds people's pairs; simulated ones need none."""
        return f"comparisons/{self.study}.secret" if self.judge.responses else None

    @property
    def digest(self) -> str:
        """SHA-256 of all that may change a result, 16 digits; fixed before the study ran."""
        no_part: dict[str, Any] = dict.fromkeys(("operations", "results", "data_root"), True)
        no_part["judge"] = {"recruitment": PLATFORM}
        settings = json.dumps(self.model_dump(mode="json", exclude=no_part), sort_keys=True)
        return hashlib.sha256(settings.encode()).hexdigest()[:16]

    def shown(self) -> dict[str, Any]:
        """All settings for others to read, without the user's own folders by default."""
        settings = self.model_dump(mode="json")
        if not self.operations.record_places:
            for name in ("results", "data_root"):
                if os.path.isabs(settings[name]):  # noqa: PTH117
                    settings[name] = PurePath(settings[name]).name
        return settings

    def own_label(self, dataset: str) -> OwnLabel | None:
        """Which values of which column are inside, of a data set that labels the boundary itself.

        As the settings say; else the kind's own words for the boundary, which change sides where
        each side has one word and `sides` names them the other way round ({inside: female,
        outside: male}). Of drawn faces it is the planted truth.
        """
        given = self.datasets[dataset]
        if given.own_label is not None:
            return given.own_label
        known = KINDS[given.kind].own_labels.get(self.boundary)
        if known is None:
            return None
        label = OwnLabel.model_validate(known)
        single = len(label.inside or []) == len(label.outside or []) == 1
        if single and self._exchanged(label):
            return OwnLabel(column=label.column, inside=label.outside, outside=label.inside)
        return label

    def _exchanged(self, label: OwnLabel) -> bool:
        """Whether the name of a side is a word that `label` gives to the other side."""
        inside, outside = (
            [str(word).lower() for word in words or []] for words in (label.inside, label.outside)
        )
        return self.sides.inside.lower() in outside or self.sides.outside.lower() in inside

    def _impossible_parts(self) -> Iterator[tuple[tuple[str, ...], str]]:
        target = self.datasets.get("target")
        people = target is not None and target.labels == "people"
        needs = {
            "synthesise": ("partition", ""),
            "judge": ("synthesise", ", whose translations people compare"),
            **({"partition": ("classify", ", since people label the target")} if people else {}),
        }
        for part, (needed, why) in needs.items():
            if part in self.parts and needed not in self.parts:
                yield ("parts",), f"{part} needs {needed}{why}; name it, too, or leave {part} out"
        if self.parts and self.sides == NAMELESS:
            yield ("sides",), "has to be given"
        if not self.parts and people:
            yield ("datasets", "target", "labels"), "people label for partition; name that part"

    def _impossible_models(self) -> Iterator[tuple[tuple[str, ...], str]]:
        for name, model in self.models.items():
            place = ("models", name)
            if name == LANDMARKER:
                yield place, f"{LANDMARKER} is the one that every study audits; use another name"
            given = self.dataset_of(name)
            if model.kind == "editor":
                yield from self._impossible_editor(name)
            if given not in self.datasets:
                known = ", ".join(self.datasets)
                yield (*place, "dataset"), f"{given or 'none'}; say which of {known} it saw"
                continue
            if model.simulated and self.datasets[given].kind != "drawn":
                yield (*place, "simulated"), "only for drawn faces, whose truth is known"
            for task, settings in model.tasks.items():
                for words in unknown_columns([settings.truth or task], self.datasets[given].kind):
                    yield (*place, "tasks", task), f"{words}; name the right one as truth"
        columns = [KINDS[dataset.kind].columns for dataset in self.datasets.values()]
        for column in self.measure.groups.columns if None not in columns else ():
            if not any(column in names for names in columns if names):
                known = ", ".join(dict.fromkeys(name for names in columns for name in names or ()))
                yield ("measure", "groups"), f"no data set has a column {column}; they have {known}"

    def _impossible_editor(self, name: str) -> Iterator[tuple[tuple[str, ...], str]]:
        place = ("models", name)
        if "synthesise" not in self.parts:
            words = (
                "an editor is measured beside the synthesis, on its faces; parts lacks synthesise"
            )
            yield (*place, "kind"), words
        if self.dataset_of(name) != "target":
            yield (*place, "dataset"), "an editor changes faces of the target"
        if name in self.synthesise.shares:
            yield place, "this is the name of an arm of the synthesis; use another"

    def _impossible_names(self) -> Iterator[tuple[tuple[str, ...], str]]:
        if self.study in ("assets", "bench", "site"):
            yield ("study",), f"{self.study!r} is a folder beside the studies; use another name"
        if self.sides.inside == self.sides.outside:
            yield ("sides",), "inside and outside have the same name"

    def _impossible_datasets(self) -> Iterator[tuple[tuple[str, ...], str]]:
        if not self.datasets and not self.parts:
            yield ("datasets",), "name one or more"
        for name in NEEDED if "classify" in self.parts else NEEDED[-1:] if self.parts else ():
            if name not in self.datasets:
                yield ("datasets",), f"{name} has to be given"
            elif not self.datasets[name].split.train and "classify" in self.parts:
                yield (
                    ("datasets", name, "split", "train"),
                    "nothing to train on; parts has classify",
                )
        for name, dataset in self.datasets.items():
            place = ("datasets", name)
            if name != "target" and dataset.labels == "people":
                words = f"the {name} has to label the boundary itself (own)"
                yield (*place, "labels"), words
            label = self.own_label(name)
            if dataset.labels == "own" and label is None and self.parts:
                known = ", ".join(sorted(KINDS[dataset.kind].own_labels)) or "none"
                yield (
                    (*place, "labels"),
                    (
                        f"{dataset.kind} has no label of its own for the boundary"
                        f" {self.boundary!r} (it has {known}); give {'.'.join(place)}.own_label,"
                        " or labels: people"
                    ),
                )
            different = self.sides.inside != self.sides.outside
            if label is not None and different and self._exchanged(label):
                names = f"inside {self.sides.inside!r} and outside {self.sides.outside!r}"
                words = f"sides calls {names}, but a name is among the other side's words"
                yield (*place, "own_label"), words

    def _impossible_pictures(self) -> Iterator[tuple[tuple[str, ...], str]]:
        drawn = [name for name, dataset in self.datasets.items() if dataset.kind == "drawn"]
        for name in self.acquire.drawn.dim:
            if name not in drawn:
                words = f"{name} is no drawn data set; there are {', '.join(drawn) or 'none'}"
                yield ("acquire", "drawn", "dim"), words

    def _impossible_people(self) -> Iterator[tuple[tuple[str, ...], str]]:
        target = self.datasets.get("target")
        if target and target.labels == "people" and len(self.annotate.annotators) < 2:
            words = "the target is labelled by people, so name two or more"
            yield ("annotate", "annotators"), words
        own = self.own_label("target") if target and target.kind == "drawn" else None
        alike = own is not None and own.column == "group" and not self.acquire.drawn.group_distance
        if target and target.labels == "people" and alike:
            words = (
                "at acquire.drawn.group_distance 0 nothing in a picture tells the groups apart, so"
                " nobody can label them; set own, which are the labels of the drawing program"
            )
            yield ("datasets", "target", "labels"), words
        yield from self._not_drawn(("annotate", "annotators"), self.annotate.annotators)
        yield from self._not_drawn(("partition", "verification"), self.partition.verification)

    def _not_drawn(
        self, place: tuple[str, ...], people: People
    ) -> Iterator[tuple[tuple[str, ...], str]]:
        """Simulated people where there is no truth to simulate them by."""
        target = self.datasets.get("target")
        for name in [name for name, person in people.items() if person.error is not None]:
            here = (*place, name, "error")
            if target and target.kind != "drawn":
                yield here, "only drawn faces can be simulated"
            elif target and self.own_label("target") is None:
                yield here, f"drawn faces have no truth for the boundary {self.boundary!r}"

    def _impossible_tasks(self) -> Iterator[tuple[tuple[str, ...], str]]:
        place = ("classify", "tasks", "labels")
        columns = [KINDS[dataset.kind].columns for dataset in self.datasets.values()]
        known = list(dict.fromkeys(name for names in columns for name in names or ()))
        if "age" in known:
            known.append("Young")
        known = [name for name in known if name not in ("age", "race_raw", "group")]
        labels = [label.column for name in self.datasets if (label := self.own_label(name))]
        own = {SAME_LABEL.get(name, name) for name in (self.boundary, *labels)}
        target = self.datasets.get("target")
        trains = target.split.train if target else 1.0
        for faces in self.classify.learning_curve.faces:
            if isinstance(trains, int) and faces > trains:
                words = f"{faces}, but datasets.target.split.train is {trains}"
                yield ("classify", "learning_curve", "faces"), words
        for name in self.classify.tasks.labels:
            if SAME_LABEL.get(name, name) in own:
                yield place, f"{name} is the boundary itself; name another label"
            elif None not in columns and name not in known:
                words = f"no data set has the label {name}"
                yield place, f"{words}; they have {', '.join(known) or 'none'}"

    def _impossible_synthesis(self) -> Iterator[tuple[tuple[str, ...], str]]:
        place, attributes = ("synthesise", "attributes"), self.synthesise.attributes
        target, size = self.datasets.get("target"), self.align.crops.centre.size
        if size % 2**self.synthesise.training.discriminator.layers:
            yield (
                ("synthesise", "training", "discriminator", "layers"),
                f"too many, since each halves align.crops.centre.size ({size})",
            )
        if size % 4:
            yield ("align", "crops", "centre", "size"), "StarGAN needs a multiple of 4"
        for preprocessing, crop in self.classify.crops.model_dump().items():
            if self.align.crops.model_dump().get(crop) is None:
                words = f"{crop} is not among align.crops"
                yield ("classify", "crops", preprocessing), words
        if target is None:
            return
        control, label = attributes.control, self.own_label("target")
        same = [{"gender": "Male"}.get(name, name) for name in (control, self.boundary)]
        if len(set(same)) == 1 or (label and control == label.column):
            yield (
                (*place, "control"),
                f"pairs cannot be alike in the boundary itself ({self.boundary}); name another"
                " column",
            )
        columns = {"control": [control], "names": attributes.names}
        for key, names in columns.items():
            for words in unknown_columns(names, target.kind):
                yield (*place, key), words

    def _impossible_comparison(self) -> Iterator[tuple[tuple[str, ...], str]]:
        makers = [*self.synthesise.shares, *self.editors]
        for maker in self.judge.compared:
            if maker not in makers:
                words = f"{maker!r} makes no translations; there are {', '.join(makers)}"
                yield ("judge", "compared"), words

    def _impossible_simulation(self) -> Iterator[tuple[tuple[str, ...], str]]:
        control, judge = self.synthesise.attributes.control, self.judge
        values = ("male", "female") if control == "gender" else (control, f"not {control}")
        preference = judge.simulation.preference
        missing = [repr(value) for value in values if value not in preference]
        if missing and judge.responses is None:
            yield (
                ("judge", "simulation", "preference"),
                f"no preference for {' and '.join(missing)}, by synthesise.attributes.control"
                f" ({control}); it has {', '.join(preference) or 'none'}",
            )
