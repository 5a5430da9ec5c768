"""The configuration: checked against the schema, completed with its defaults, or refused."""

from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from facegap.errors import ConfigError

TARS = (".tar", ".tar.gz", ".tgz")
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, in each job's start
SCHEMA = Path(__file__).parents[2] / "schemas/config.schema.yaml"
_GENDER = {"column": "gender", "inside": ["male"], "outside": ["female"]}
_RACE = {
    "column": "race_raw",
    "inside": ["White"],
    "outside": ["Black", "Asian", "Indian", "Others"],
}
_FAIRFACE_RACE = {
    "column": "race_raw",
    "inside": ["White"],
    "outside": [
        *("Black", "East Asian", "Southeast Asian", "Indian"),
        *("Middle Eastern", "Latino_Hispanic"),
    ],
}
_YEARS = {"column": "age", "below": 40}  # inside; CelebA does not say up to what age is Young
_YOUNG = {"column": "Young", "inside": [1], "outside": [0]}
_CELEBA = """
    5_o_Clock_Shadow Arched_Eyebrows Attractive Bags_Under_Eyes Bald Bangs Big_Lips Big_Nose
    Black_Hair Blond_Hair Blurry Brown_Hair Bushy_Eyebrows Chubby Double_Chin Eyeglasses
    Goatee Gray_Hair Heavy_Makeup High_Cheekbones Male Mouth_Slightly_Open Mustache
    Narrow_Eyes No_Beard Oval_Face Pale_Skin Pointy_Nose Receding_Hairline Rosy_Cheeks
    Sideburns Smiling Straight_Hair Wavy_Hair Wearing_Earrings Wearing_Hat Wearing_Lipstick
    Wearing_Necklace Wearing_Necktie Young
"""
DRAWN_ATTRIBUTES = (
    *("Black_Hair", "Brown_Hair", "Blond_Hair", "Male", "Young", "No_Beard", "Bangs"),
    *("Eyeglasses", "Smiling"),
)
COLUMNS = {  # that a kind's faces can be told apart by; those of a folder are its table's
    "drawn": ("age", "gender", "group", *DRAWN_ATTRIBUTES),
    "utkface": ("age", "gender", "race_raw"),
    "celeba": ("gender", *_CELEBA.split()),
    "fairface": ("age", "gender", "race_raw"),
    "lfw": (),
}
PAPERS_BACKBONES = ("resnet50", "vgg16", "vgg19", "vggface")
OWN_LABELS: dict[str, dict[str, dict[str, Any]]] = {  # own_label by kind of data set and boundary
    "drawn": {
        "group": {"column": "group", "inside": ["A"], "outside": ["B"]},
        "gender": _GENDER,
        "age": _YOUNG,
    },
    "utkface": {"race": _RACE, "gender": _GENDER, "age": _YEARS},
    "celeba": {"gender": _GENDER, "age": _YOUNG},
    "fairface": {"race": _FAIRFACE_RACE, "gender": _GENDER, "age": _YEARS},
    "lfw": {},
    "folder": {"race": _RACE, "gender": _GENDER, "age": _YEARS},
}


def complete(given: Mapping[str, Any]) -> dict[str, Any]:
    """`given` with every default of the schema filled in.

    Raises `ConfigError` naming each key that is unknown, of a wrong type or value, or impossible
    beside another, and what is allowed there.
    """
    schema = yaml.load(SCHEMA.read_text(), LOADER)
    config = deepcopy(dict(given))
    _fill(config, schema, schema)
    _fill_own_labels(config)
    _fill_backbones(config)
    problems = [_say(error) for error in _leaves(config, schema)] or list(_impossible(config))
    if problems:
        raise ConfigError("the configuration cannot be used:\n  " + "\n  ".join(problems))
    return config


def _resolve(part: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" in part:
        return {**schema["$defs"][part["$ref"].rsplit("/", 1)[1]], **part}
    return part


def _fill(config: dict[str, Any], part: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
    others = part.get("additionalProperties")  # the schema of each key that has no name there
    named = part.get("properties", {})
    if isinstance(others, dict):
        named = {**dict.fromkeys(config, others), **named}
    for key, unresolved in named.items():
        property_ = _resolve(unresolved, schema)
        if key not in config and "default" in property_:
            config[key] = deepcopy(property_["default"])
        if isinstance(config.get(key), dict):
            _fill(config[key], property_, schema)


def _fill_own_labels(config: dict[str, Any]) -> None:
    """The known kinds' own words for the boundary; of drawn faces it is the planted truth.

    Where each side has one word and sides names them the other way round ({inside: female,
    outside: male}), the words change sides.
    """
    datasets = config.get("datasets")
    for dataset in datasets.values() if isinstance(datasets, dict) else ():
        if isinstance(dataset, dict):
            known = OWN_LABELS.get(str(dataset.get("kind")), {}).get(str(config.get("boundary")))
            if known and "own_label" not in dataset:
                dataset["own_label"] = own = deepcopy(known)
                single = all(len(own.get(side, ())) == 1 for side in ("inside", "outside"))
                if single and _exchanged(own, config.get("sides")):
                    own["inside"], own["outside"] = own["outside"], own["inside"]


def _exchanged(own_label: Mapping[str, Any], sides: object) -> bool:
    """Whether the name of a side is a word that `own_label` gives to the other side."""
    if not isinstance(sides, dict):
        return False
    names = {side: str(sides.get(side)).lower() for side in ("inside", "outside")}
    words = {side: [str(word).lower() for word in own_label.get(side, ())] for side in names}
    return names["inside"] in words["outside"] or names["outside"] in words["inside"]


def _fill_backbones(config: dict[str, Any]) -> None:
    """`name: random` is short for `name: {weights: random}`."""
    classify = config.get("classify")
    backbones = classify.get("backbones") if isinstance(classify, dict) else None
    if isinstance(backbones, dict):
        for name, given in backbones.items():
            if isinstance(given, str):
                backbones[name] = {"weights": given}


def _leaves(
    config: Mapping[str, Any], schema: Mapping[str, Any]
) -> Iterator[jsonschema.ValidationError]:
    for error in jsonschema.Draft202012Validator(schema).iter_errors(config):
        yield jsonschema.exceptions.best_match([error]) if error.context else error


def _say(error: jsonschema.ValidationError) -> str:
    place = ".".join(map(str, error.absolute_path)) or "top level"
    if error.validator == "additionalProperties" and isinstance(error.schema, Mapping):
        allowed = list(error.schema.get("properties", {}))
        unknown = [key for key in error.instance if key not in allowed]  # type: ignore[union-attr]
        return f"{place}: unknown key {', '.join(map(str, unknown))}; allowed: {', '.join(allowed)}"
    if error.validator == "pattern":
        return f"{place}: {error.instance!r} does not fit {error.validator_value}"
    return f"{place}: {error.message}"


def _impossible(config: Mapping[str, Any]) -> Iterator[str]:
    """Combinations that the schema cannot speak of."""
    if config["sides"]["inside"] == config["sides"]["outside"]:
        yield "sides: inside and outside have the same name"
    for name, dataset in config["datasets"].items():
        yield from _impossible_dataset(f"datasets.{name}", dataset, config)
    for name, dataset in config["datasets"].items():
        if name != "target" and dataset["labels"] == "people":
            yield f"datasets.{name}.labels: the {name} has to label the boundary itself (own)"
    yield from _impossible_annotators(config)
    yield from _impossible_training(config)
    yield from _impossible_observers(config)


def _impossible_dataset(
    place: str, dataset: Mapping[str, Any], config: Mapping[str, Any]
) -> Iterator[str]:
    kind, boundary = dataset["kind"], config["boundary"]
    if dataset["labels"] == "own" and "own_label" not in dataset:
        known = ", ".join(sorted(OWN_LABELS[kind])) or "none"
        yield (
            f"{place}.labels: {kind} has no label of its own for the boundary {boundary!r} (it has"
            f" {known}); give {place}.own_label, or labels: people"
        )
    own_label, sides = dataset.get("own_label", {}), config["sides"]
    yield from _impossible_own_label(f"{place}.own_label", own_label, sides)
    if kind == "folder" and not {"images", "table"} <= set(dataset):
        yield f"{place}: kind folder needs images and table"
    if kind == "drawn" and dataset["faces"] is None:
        yield f"{place}.faces: say how many faces to draw"
    for key, kinds in (("images", ("drawn",)), ("table", tuple(COLUMNS))):
        if key in dataset and kind in kinds:
            yield f"{place}.{key}: not read for the kind {kind}; take it out"
    yield from _no_column(f"{place}.split.strata", dataset["split"]["strata"], kind)
    if "column" in own_label:
        yield from _no_column(f"{place}.own_label.column", [own_label["column"]], kind)
    several = dataset.get("images")
    if isinstance(several, list) and not all(str(n).endswith(TARS) for n in several):
        yield f"{place}.images: a list is for .tar.gz archives; name one folder or zip instead"
    parts = [dataset["split"]["train"], dataset["split"]["test"]]
    if len({isinstance(part, int) for part in parts}) == 2:
        yield f"{place}.split: give train and test both as numbers, or both as shares"
    elif isinstance(parts[0], float) and sum(parts) > 1 + 1e-9:
        yield f"{place}.split: train and test are more than all of the faces"
    elif isinstance(parts[0], int) and dataset["faces"] and sum(parts) > dataset["faces"]:
        yield f"{place}.split: {sum(parts)} faces, but {place}.faces is {dataset['faces']}"


def _no_column(place: str, names: Iterable[str], kind: str) -> Iterator[str]:
    """Names that are no column of a known kind's faces."""
    known = COLUMNS.get(kind)
    if known is not None and (unknown := [name for name in names if name not in known]):
        has = f"it has {', '.join(known)}" if known else "it has none"
        yield f"{place}: {', '.join(unknown)} is no column of {kind} faces; {has}"


def _impossible_own_label(
    place: str, own_label: Mapping[str, Any], sides: Mapping[str, str]
) -> Iterator[str]:
    listed = {"inside", "outside"} & set(own_label)
    if own_label and ("below" in own_label) == bool(listed):
        yield f"{place}: give the values inside and outside, or a number below which is inside"
    elif len(listed) == 1:
        yield f"{place}: gives the values {listed.pop()} only; both sides are needed"
    elif both := [v for v in own_label.get("inside", []) if v in own_label["outside"]]:
        yield f"{place}: {both[0]!r} is both inside and outside"
    elif _exchanged(own_label, sides):
        names = f"inside {sides['inside']!r} and outside {sides['outside']!r}"
        yield f"{place}: sides calls {names}, but a name is among the other side's words"


def _impossible_annotators(config: Mapping[str, Any]) -> Iterator[str]:
    annotators, target = config["annotate"]["annotators"], config["datasets"]["target"]
    if target["labels"] == "people" and len(annotators) < 2:
        yield "annotate.annotators: the target is labelled by people, so name two or more"
    groups = {
        "annotate.annotators": annotators,
        "partition.verification": config["partition"]["verification"],
    }
    for group, people in groups.items():
        simulated = [name for name, entry in people.items() if "error" in entry]
        if simulated and len(simulated) < len(people):
            yield f"{group}: {simulated[0]} is simulated; people and simulated ones do not mix"
        for name in simulated:
            place = f"{group}.{name}.error"
            if target["kind"] != "drawn":
                yield f"{place}: only drawn faces can be simulated"
            elif "own_label" not in target:
                yield f"{place}: drawn faces have no truth for the boundary {config['boundary']!r}"
        for name in sorted(set(people) - set(simulated)):
            yield from _ambiguous(f"{group}.{name}.words", people[name].get("words", {}))
        yield from _same_answers(group, people)


def _same_answers(group: str, people: Mapping[str, Any]) -> Iterator[str]:
    """Two names for one person's answers, who would agree with themselves."""
    seen: dict[tuple[Any, Any], str] = {}
    for name, entry in people.items():
        theirs = entry.get("answers"), entry.get("annotator")
        if theirs[0] is not None and seen.setdefault(theirs, name) != name:
            yield f"{group}.{name}.answers: the same answers as {seen[theirs]}'s"


def _ambiguous(place: str, words: Mapping[str, Any]) -> Iterator[str]:
    meant: dict[str, str] = {}
    for side, word in [(side, str(word)) for side, listed in words.items() for word in listed]:
        if meant.setdefault(word, side) != side:
            yield f"{place}: {word!r} is both {meant[word]} and {side}"


def _impossible_observers(config: Mapping[str, Any]) -> Iterator[str]:
    control, judge = config["synthesise"]["control"], config["judge"]
    if judge["familiarity_responses"] and not judge["responses"]:
        yield "judge.familiarity_responses: whose? Give judge.responses too"
    values = ("male", "female") if control == "gender" else (control, f"not {control}")
    for value in values:
        if judge["responses"] is None and value not in judge["simulated"]:
            yield (
                f"judge.simulated: no preference for {value!r}, a value of synthesise.control"
                f" ({control}); it has {', '.join(judge['simulated'])}"
            )


def _impossible_backbones(backbones: Mapping[str, Any]) -> Iterator[str]:
    others = [name for name in backbones if name not in PAPERS_BACKBONES]
    if others:
        import timm  # takes seconds, and is not needed by the paper's four

        for name in others:
            if not timm.is_model(name):
                near = ", ".join(timm.list_models(f"*{name[:5]}*")[:5]) or "timm.list_models()"
                yield (
                    f"classify.backbones: {name} is neither {', '.join(PAPERS_BACKBONES)} nor a"
                    f" model of timm (such as {near})"
                )


def _impossible_training(config: Mapping[str, Any]) -> Iterator[str]:
    classify, synthesise = config["classify"], config["synthesise"]
    yield from _impossible_backbones(classify["backbones"])
    for view, crop in classify["crops"].items():
        if crop not in config["align"]["crops"]:
            yield f"classify.crops.{view}: {crop} is not among align.crops"
    kept = classify["kept_backbone"]
    if kept != "best" and kept not in classify["backbones"]:
        yield f"classify.kept_backbone: {kept} is not among classify.backbones"
    if synthesise["size"] != config["align"]["crops"]["centre"]["size"]:
        yield "synthesise.size: has to be align.crops.centre.size, which the generator trains on"
    if synthesise["size"] % 2 ** synthesise["critic"]["layers"]:
        yield "synthesise.critic.layers: too many, since each halves synthesise.size"
    control, target = synthesise["control"], config["datasets"]["target"]
    same = [{"gender": "Male"}.get(name, name) for name in (control, config["boundary"])]
    if len(set(same)) == 1 or control == target.get("own_label", {}).get("column"):
        yield (
            "synthesise.control: pairs cannot be alike in the boundary itself"
            f" ({config['boundary']}); name another column"
        )
    yield from _no_column("synthesise.control", [control], target["kind"])
    yield from _no_column("synthesise.attributes", synthesise["attributes"], target["kind"])
    for group in synthesise["exclusive"]:
        used = set(group) & set(synthesise["attributes"])
        if len(used) == 1:
            yield f"synthesise.exclusive: of {group} only {used.pop()} is in synthesise.attributes"
