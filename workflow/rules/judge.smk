"""
Stage 8, judge: people compare outputs of both sides of the boundary, blind to which is which.

Reads   synthesise/<arm>/seed-<n>/translations.*; measure/<arm>/realism.parquet; below data_root
        people's answers, and the secret that their pairs are blinded with
Writes  judge/pairs.parquet        table PAIRS
        judge/persons.parquet      table PERSONS
        judge/sheet.json           digest of the pairs, what the page asks
        judge/images.zip           the images, by blinded id; `facegap judge serve` reads these four
        judge/key.parquet          table KEY; only judge_pairs and simulated participants read it
        judge/persons_key.parquet  table PERSONS_KEY
        judge/responses.parquet    table RESPONSES
        judge/familiar.parquet     table FAMILIAR
        judge/raters.parquet       table RATERS: participants' own sides, where enough said one
        judge/estimates.parquet    table ESTIMATES
        judge/summary.json         facts: asked, answers, who was excluded, which models were fitted
"""

# people's answers, and, beside a CSV of them, whom they knew and their own sides
PLACES = {
    "answers": study.judge.responses,
    "familiarity": study.judge.familiarity_responses,
    "own_sides": study.judge.own_side_responses,
}
GIVEN_ANSWERS = {
    name: f"{study.data_root}/{path}" if path else [] for name, path in PLACES.items()
}
JUDGEMENTS = [path for path in GIVEN_ANSWERS.values() if path]

COMPARED = study.judge.compared  # whose translations


rule judge:
    input:
        "<results>/judge/estimates.parquet",


rule pair_outputs:
    input:
        translations=[
            f for m in COMPARED for f in translations_of(m, "translations.parquet")
        ],
        arrays=[f for m in COMPARED for f in translations_of(m, "translations.npy")],
    output:
        pairs="<results>/judge/pairs.parquet",
        persons="<results>/judge/persons.parquet",
        sheet="<results>/judge/sheet.json",
        images="<results>/judge/images.zip",
        key="<results>/judge/key.parquet",
        persons_key="<results>/judge/persons_key.parquet",
    log:
        "<logs>/judge/pair_outputs.log",
    benchmark:
        "<benchmarks>/judge/pair_outputs.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=doubling(4000),
        runtime=10,
    params:
        *code_of("judge.pairs"),
        seeds={maker: SEEDS_OF[maker] for maker in COMPARED},
        settings=config["judge"]["design"],
        secret=study.secret,
        seed=study.seed,
    script:
        "../scripts/pair_outputs.py"


# Simulated answers stand in until there are people's.
if study.judge.responses:

    rule read_responses:
        input:
            **GIVEN_ANSWERS,
            pairs="<results>/judge/pairs.parquet",
            persons="<results>/judge/persons.parquet",
            sheet="<results>/judge/sheet.json",
        output:
            responses="<results>/judge/responses.parquet",
            familiar="<results>/judge/familiar.parquet",
            raters="<results>/judge/raters.parquet",
        log:
            "<logs>/judge/read_responses.log",
        benchmark:
            "<benchmarks>/judge/read_responses.tsv"
        conda:
            ENVIRONMENT
        resources:
            mem_mb=doubling(2000),
            runtime=10,
        params:
            *code_of("judge.responses"),
            contents_of(*JUDGEMENTS),
            settings=config["judge"]["own_side"],
        script:
            "../scripts/read_responses.py"

else:

    rule simulate_responses:
        input:
            pairs="<results>/judge/pairs.parquet",
            persons="<results>/judge/persons.parquet",
            key="<results>/judge/key.parquet",
            persons_key="<results>/judge/persons_key.parquet",
        output:
            responses="<results>/judge/responses.parquet",
            familiar="<results>/judge/familiar.parquet",
            raters="<results>/judge/raters.parquet",
        log:
            "<logs>/judge/simulate_responses.log",
        benchmark:
            "<benchmarks>/judge/simulate_responses.tsv"
        conda:
            ENVIRONMENT
        resources:
            mem_mb=doubling(2000),
            runtime=10,
        params:
            *code_of("judge.responses"),
            settings=config["judge"]["simulation"],
            seed=study.seed,
        script:
            "../scripts/simulate_responses.py"


rule judge_pairs:
    input:
        pairs="<results>/judge/pairs.parquet",
        key="<results>/judge/key.parquet",
        persons_key="<results>/judge/persons_key.parquet",
        responses="<results>/judge/responses.parquet",
        familiar="<results>/judge/familiar.parquet",
        raters="<results>/judge/raters.parquet",
        realism=f"<results>/measure/{COMPARED[0]}/realism.parquet",
    output:
        estimates="<results>/judge/estimates.parquet",
        summary="<results>/judge/summary.json",
    log:
        "<logs>/judge/judge_pairs.log",
    benchmark:
        "<benchmarks>/judge/judge_pairs.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=doubling(2000),
        runtime=10,
    params:
        *code_of("judge.estimates"),
        study=study.study,
        makers=COMPARED,
        attention_threshold=config["judge"]["attention_threshold"],
        least_pixels=config["judge"]["least_pixels"],
        own_side=config["judge"]["own_side"],
        simulation=config["judge"]["simulation"],
        intervals=INTERVALS,
        seed=study.seed,
    script:
        "../scripts/judge_pairs.py"
