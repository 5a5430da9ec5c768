"""What the sections of the page show: rows of ESTIMATES and facts, arranged; nothing is computed.

A function has the name of the variable that it fills in the templates.
"""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from facegap.groups import ALL, group_name, group_values
from facegap.quantity import PRIMARY, REALISM
from facegap.report.rows import MISSING, Row, as_rows, interval_of, one, rows_of
from facegap.settings.study import Study
from facegap.tables.base import DOMAINS, SIDES

Facts = Mapping[str, Any]  # of a JSON file
OF_ALL = {"group": ALL, "attribute": None, "seed": None, "model": None}
PROVENANCES = {  # of labels that people did not give, in words
    "by person": "by the person’s other pictures",
    "pseudo-label": "pseudo-labels, accepted",
    "verified": "verified",
}

CONTROLS = {  # by arm, in words
    "exchanged": "labels exchanged between training persons",
    "halves": "random halves of the persons inside, as if two sides",
    "held-out source": "source faces held out, as if they were the target",
}


def answer(measured: pd.DataFrame, selected: Facts, study: Study) -> dict[str, Any]:
    """The primary outcome with the verdict on it, and what it is made of."""
    primary = study.measure.primary
    drawn = all(dataset.kind == "drawn" for dataset in study.datasets.values())
    about = {"metric": primary.metric, "arm": None, "group": ALL}
    model = selected["name"]
    outcome = one(measured, primary.quantity, model=model, **{**about, "tested_on": "target"})
    on = {**about, "tested_on": "target"}
    return {
        "outcome": outcome,
        "verdict": verdict(
            outcome,
            primary.quantity,
            primary.margin,
            study.acquire.drawn.capture_distance if drawn else None,
        ),
        "loss": one(measured, "transfer loss", model=model, **on),
        "equal": one(measured, "transfer loss", model=model, **{**on, "arm": "equal"}),
        "gap": one(measured, "transfer gap", model=model, **on),
        "benchmark": one(measured, "performance", trained_on="target", **on),
        "target": one(measured, "performance", model=model, trained_on="source", **on),
        "source": one(
            measured,
            "performance",
            model=model,
            trained_on="source",
            **{**about, "tested_on": "source"},
        ),
    }


def verdict(outcome: Row, quantity: str, margin: float, planted: float | None) -> str:
    """What the interval of the primary outcome allows to conclude, beside what was planted.

    `planted` is the capture distance of drawn faces, None for real ones.
    """
    interval = interval_of(outcome)
    lower, higher = interval.low > 0, interval.high < 0
    if lower:
        words = f"A {quantity} was found"
    elif higher:
        words = f"A {quantity} below zero was found: the target is the easier"
    elif outcome["equivalence_bound"] is not None and outcome["equivalence_bound"] <= margin:
        words = f"No {quantity} was found, and it is equivalent to none"
    else:
        words = f"No {quantity} was found"
    if planted is None:
        return f"{words}."
    if planted > 0:
        return f"{words}; one was planted."
    return f"{words}; none was planted."


def rejected(measured: pd.DataFrame) -> list[Row]:
    """The share of each group that alignment rejected, with its `factor` and `value`."""
    rows = as_rows(rows_of(measured, "rejected share"))
    for row in rows:
        ((row["factor"], row["value"]),) = group_values(row["group"]).items()
    return rows


def labels(
    agreement: Facts | None,
    partition: Facts,
    annotated: pd.DataFrame,
    partitioned: pd.DataFrame,
    study: Study,
) -> dict[str, Any]:
    """Agreement of the annotators, and how every face got its side."""
    people = "simulated" if agreement and agreement["simulated"] else "of people"
    names = {"people": f"{people}, agreed or adjudicated", **PROVENANCES}
    errors = [
        {**row, "words": names.get(group_values(row["group"]).get("provenance", ""), row["group"])}
        for row in as_rows(rows_of(partitioned, "label error"))
        if row["answers"]
        and row["estimate"] is not None
        and "side" not in group_values(row["group"])
    ]
    by_group = as_rows(rows_of(annotated, "raw agreement", model=None))
    return {
        "agreement": agreement,
        "partition": partition,
        "raw": one(annotated, "raw agreement", **OF_ALL),
        "by_group": [row for row in by_group if row["group"] != ALL],
        "alpha": one(annotated, "Krippendorff's alpha"),
        "kappas": as_rows(rows_of(annotated, "Cohen's kappa")),
        "answer_error": one(annotated, "answer error"),
        "annotators": [
            {
                "name": name,
                **part,
                "inside": one(annotated, "inside share", model=name),
                "consistency": one(annotated, "consistency", model=name),
                "error": study.annotate.annotators[name].error,
                "wrong": {
                    side: one(annotated, "annotator error", model=name, group=f"side: {side}")
                    for side in SIDES
                },
            }
            for name, part in (agreement or {"annotators": {}})["annotators"].items()
        ],
        "errors_of_annotators": not rows_of(annotated, "annotator error").empty,
        "precision": one(partitioned, "pseudo-label precision", group="part: test"),
        "errors": errors,
        "error": one(partitioned, "label error", group=ALL),
    }


def classification(measured: pd.DataFrame, selected: Facts, study: Study) -> dict[str, Any]:
    """The selected configuration and how it was found, its measures, and pairs compared."""
    classify = study.classify
    backbones = [
        {"weights": given, "input_size": None} if isinstance(given, str) else given.model_dump()
        for given in classify.grid.backbones.values()
    ]
    performance = as_rows(
        rows_of(measured, "performance", model=selected["name"], trained_on="source", arm=None)
    )
    on = {"model": selected["name"], "arm": None, "group": ALL}
    metrics: dict[str, dict[str, Row]] = {}
    for row in performance:
        metrics.setdefault(row["metric"], {})[row["tested_on"]] = row
    for metric, by_set in metrics.items():
        for quantity in ("transfer gap", "transfer loss"):
            by_set[quantity] = one(measured, quantity, metric=metric, tested_on="target", **on)
    differences = as_rows(rows_of(measured, "difference"))
    return {
        "backbones": [
            {**row, "name": name, "input_size": row["input_size"] or classify.features.input_size}
            for name, row in zip(classify.grid.backbones, backbones, strict=True)
        ],
        "selected": selected,
        "descent": selected["descent"],
        "accuracy": {
            which: one(
                measured,
                "performance",
                **{**on, "model": name, "trained_on": "source", "tested_on": "target"},
                metric="balanced accuracy",
            )
            for which, name in (
                ("selected", selected["name"]),
                ("descent", (selected["descent"] or selected)["name"]),
            )
        },
        "measures": [{"metric": metric, **by_set} for metric, by_set in metrics.items()],
        "group_gaps": {
            row["tested_on"]: row
            for row in as_rows(rows_of(measured, "group gap", trained_on="source", **on))
        },
        "tested": {
            row["tested_on"]: row for row in as_rows(rows_of(measured, "tested faces", group=ALL))
        },
        "majority": {row["tested_on"]: row for row in as_rows(rows_of(measured, "majority class"))},
        **_beside_the_outcome(measured, on, study),
        "differences": [
            {**row, **dict(zip(("one", "other"), row["model"].split(" − "), strict=True))}
            for row in differences
        ],
    }


def _beside_the_outcome(
    measured: pd.DataFrame, on: Mapping[str, Any], study: Study
) -> dict[str, Any]:
    """What the primary outcome is judged beside: the choices, contentious faces."""
    return {
        "criteria": [
            {
                "name": group_values(row["group"])["criterion"],
                **{"score": row, "own": study.classify.selection.criterion},
                "optimism": one(measured, "selection optimism", group=row["group"]),
                "tested": one(
                    measured,
                    "performance",
                    **{**on, "model": row["model"]},
                    **{"metric": row["metric"], "trained_on": "source", "tested_on": "target"},
                ),
            }
            for row in as_rows(rows_of(measured, "selection score"))
        ],
        "contentious": {
            quantity: one(
                measured,
                quantity,
                metric=None if quantity == "tested faces" else study.measure.primary.metric,
                group=group_name({"contentious": "included"}),
            )
            for quantity in ("tested faces", "transfer gap", "transfer loss")
        },
    }


def known_truth(
    measured: pd.DataFrame, partitioned: pd.DataFrame, judged: pd.DataFrame, study: Study
) -> dict[str, Any]:
    """The estimates whose truth is known, by what they are of, and the negative controls.

    A row has its `words`, and whether its interval `held` the truth.
    """
    gaps = [
        {**row, "words": f"{row['quantity']} of the heads, {row['metric']}"}
        for quantity in ("transfer loss", "transfer gap")
        for row in as_rows(rows_of(measured, quantity, arm=None))
    ]
    errors = [
        {**row, "words": f"label error, {_named(row)}"}
        for row in as_rows(rows_of(partitioned, "label error"))
    ]
    preferences = [
        {**row, "words": f"preference, {_named(row)}"}
        for row in as_rows(rows_of(judged, "preference", metric="choice", model=None))
        if "chosen" not in group_values(row["group"])
    ]
    metric = study.measure.primary.metric
    controls = [
        {**row, "words": CONTROLS[row["arm"]]}
        for quantity in ("transfer loss", "transfer gap")
        for row in as_rows(rows_of(measured, quantity, metric=metric, group=ALL))
        if row["arm"] in CONTROLS
    ]
    known = [
        {**row, "held": row["low"] <= row["truth"] <= row["high"]}
        for row in (*gaps, *errors, *preferences)
        if row["truth"] is not None and row["low"] is not None
    ]
    return {"known": known, "controls": controls}


def _named(row: Row) -> str:
    """Its group in words, without the factors."""
    values = group_values(row["group"]).values()
    return ", ".join(PROVENANCES.get(value, value) for value in values) or "all"


def synthesis(measured: pd.DataFrame, study: Study) -> dict[str, Any]:
    """Each measure of realism, means over seeds, with the gap, the floor and the null check's.

    By family of tests; who is measured; what the measuring networks are worth on real faces.
    """
    measured = measured[measured["arm"].isna() | (measured["arm"] == "inside")]
    gaps = as_rows(rows_of(measured, "realism gap"))
    gaps.sort(key=lambda gap: REALISM.index(gap["metric"]))
    rows = [_realism(measured, gap) for gap in gaps]
    families = [(str(row["gap"]["family"]), row) for row in rows]
    primary = [row for family, row in families if family == PRIMARY]
    alpha = 1 - study.measure.intervals.confidence
    roles = {row["group"]: row for row in as_rows(rows_of(measured, "role"))}
    named = [f"domain: {domain}" for domain in DOMAINS]
    return {
        "primary": primary,
        "absent": [row for row in primary if (row["gap"]["adjusted_p"] or 0) >= alpha],
        "further": [row for family, row in families if family == "further realism"],
        "exploratory": {
            words: found
            for words in ("attribute", "control", "contentious faces")
            if (found := [row for family, row in families if family == f"realism by {words}"])
        },
        "floors": [row for row in rows if row["floors"][0] is not MISSING],
        "roles": {
            name: roles.get(f"role: {name}", MISSING) for name in ("train", *DOMAINS, "reference")
        },
        "not_measured": {
            name: roles.get(f"not measured: {name}", MISSING)
            for name in ("persons on both sides", "contentious faces")
        },
        "other_side": [one(measured, "faces of the other side", group=name) for name in named],
        "other_side_contentious": [
            row
            for row in as_rows(rows_of(measured, "faces of the other side"))
            if row["group"] not in named
        ],
        "recognition": _recognition(measured),
        "inception": any(row["gap"]["metric"] == "KID" for row in rows),
    }


def _realism(measured: pd.DataFrame, gap: Row) -> dict[str, Any]:
    """A gap with what it is between, of the same measure, attribute and group."""
    values = group_values(gap["group"])
    where = {"metric": gap["metric"], "attribute": gap["attribute"]}
    domains = [group_name({"domain": domain, **values}) for domain in DOMAINS]
    inside, outside = (
        one(measured, "realism", **where, seed=None, group=group) for group in domains
    )
    return {
        "gap": gap,
        "inside": inside,
        "outside": outside,
        "null": one(measured, "null realism gap", **where, group=gap["group"]),
        "floors": [one(measured, "realism floor", **where, group=group) for group in domains],
        "of": " ".join(filter(None, (gap["attribute"], *values.values()))),
    }


def _recognition(measured: pd.DataFrame) -> list[dict[str, Any]]:
    """Of either side, on real faces: sensitivity and specificity, and cosines of persons."""
    found = []
    for side, domain in zip(SIDES, DOMAINS, strict=True):
        group = f"side: {side}"
        rows = as_rows(rows_of(measured, "attribute recognition", group=group))
        attributes = dict.fromkeys(row["attribute"] for row in rows if row["attribute"])
        by_name = {(row["attribute"], row["metric"]): row for row in rows}
        kinds = ("sensitivity", "specificity")
        cosines = {
            name: one(measured, "identity of real faces", metric=name, group=group)
            for name in ("same person", "different persons")
        }
        found.append(
            {
                "side": side,
                "domain": domain,
                "rates": [
                    {
                        "attribute": name,
                        **{kind: by_name.get((name, kind), MISSING) for kind in kinds},
                    }
                    for name in (None, *attributes)
                ],
                "cosines": cosines,
                "translations": one(
                    measured,
                    "realism",
                    metric="identity preservation",
                    attribute=None,
                    seed=None,
                    group=f"domain: {domain}",
                ),
            }
        )
    return found


def judgement(judged: pd.DataFrame, summary: Facts, study: Study) -> dict[str, Any]:
    """Preferences, what could have been found, and whether the answers can be trusted."""
    preferences = as_rows(rows_of(judged, "preference", **OF_ALL))
    return {
        "summary": summary,
        "simulated": summary["simulated"],
        "margin": study.judge.equivalence_margin,
        "left": one(judged, "left share"),
        "left_effect": one(judged, "left effect"),
        "rows": _preferences(judged),
        "differences": [
            {**row, "group": group_values(row["group"])["control"]}
            for row in as_rows(rows_of(judged, "preference difference"))
        ],
        "baselines": [
            {
                "name": _control(row),
                "liking": one(judged, "baseline preference", group=row["group"]),
                "less": row,
            }
            for row in as_rows(rows_of(judged, "preference without baseline"))
        ],
        "at_large": one(judged, "preference at large"),
        "at_large_everybody": one(judged, "preference at large of everybody"),
        "raters": [
            {**row, "side": group_values(row["group"])["rater"]}
            for row in as_rows(rows_of(judged, "preference by own side"))
        ],
        "raters_apart": one(judged, "preference difference by own side"),
        "makers": as_rows(rows_of(judged, "preference by maker")),
        "makers_apart": as_rows(rows_of(judged, "preference difference by maker")),
        "repeats": one(judged, "consistency"),
        "times": {row["metric"]: row for row in as_rows(rows_of(judged, "response time"))},
        "alpha": one(judged, "Krippendorff's alpha"),
        "fleiss": one(judged, "Fleiss' kappa"),
        "criteria": [row for row in preferences if row["metric"] != "choice"],
        "familiarity": as_rows(rows_of(judged, "familiarity")),
        "adjusted": [
            {**row, "name": _control(row)}
            for row in as_rows(rows_of(judged, "adjusted preference"))
            if "chosen" not in group_values(row["group"])
        ],
        "familiarity_effect": one(judged, "familiarity effect"),
        "correlations": as_rows(rows_of(judged, "correlation")),
    }


def _preferences(judged: pd.DataFrame) -> list[dict[str, Any]]:
    """All that is known of a preference, of all answers first, then by value of the control."""
    rows = []
    for raw in as_rows(rows_of(judged, "raw preference", model=None)):
        if "chosen" in group_values(raw["group"]):
            continue
        quantities = {
            "detectable": "detectable preference",
            "bound": "preference bound",
            "bootstrap": "participant bootstrap",
            "everybody": "preference of everybody",
        }
        rows.append(
            {
                "name": _control(raw),
                "raw": raw,
                "share": one(judged, "preference", metric="choice", group=raw["group"]),
                "power": as_rows(rows_of(judged, "power", group=raw["group"])),
                **{
                    name: one(judged, quantity, group=raw["group"])
                    for name, quantity in quantities.items()
                },
            }
        )
    return rows


def _control(row: Row) -> str:
    return group_values(row["group"]).get("control", ALL)
