"""
Stage 7, judge: people compare outputs of both sides of the boundary, blind to which is which.

Reads   synthesise/seed-<n>/translations.parquet and .npy; people's answers below data_root
Writes  judge/pairs.parquet      table: pair_id, participant, position, training, attribute, value,
                                 control, left_image, right_image, left_original, right_original
        judge/persons.parquet    table: person_id, participant, position, image
        judge/sheet.json         study, digest of the pairs, what the page asks
        judge/images.zip         the images, by blinded id; `facegap judge serve` reads these four
        judge/key.parquet        which is which; only judge_pairs and simulated observers read it
        judge/persons_key.parquet
        judge/responses.parquet  table: pair_id, participant, choice, criteria, seconds, simulated
        judge/familiar.parquet   table: person_id, participant, known, simulated
        judge/table5.csv         table: control, domain, answers, chosen, share, low, high, p, simulated
        judge/scores.csv         table: by, seed, attribute, answers, chosen, score, low, high, simulated
        judge/model.json         shares by attribute, participant and seed; models; reliability; power
"""

JUDGED = f"{STUDY}/judge"
PEOPLES_ANSWERS = config["judge"]["responses"]
PERSONS_KNOWN = config["judge"]["familiarity_responses"]
JUDGEMENTS = [
    f"{config['data_root']}/{path}" for path in (PEOPLES_ANSWERS, PERSONS_KNOWN) if path
]


rule judge:
    input:
        f"{JUDGED}/table5.csv",


rule pair_outputs:
    input:
        translations=expand(
            f"{STUDY}/synthesise/seed-{{seed}}/translations.parquet", seed=SEEDS
        ),
        images=expand(f"{STUDY}/synthesise/seed-{{seed}}/translations.npy", seed=SEEDS),
    output:
        pairs=f"{JUDGED}/pairs.parquet",
        persons=f"{JUDGED}/persons.parquet",
        sheet=f"{JUDGED}/sheet.json",
        images=f"{JUDGED}/images.zip",
        key=f"{JUDGED}/key.parquet",
        persons_key=f"{JUDGED}/persons_key.parquet",
    log:
        f"{STUDY}/logs/judge/pair_outputs.log",
    benchmark:
        f"{STUDY}/benchmarks/judge/pair_outputs.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=4000,
        runtime=10,
    params:
        *code_of("pair_outputs.py"),
        synthesis_seeds=SEEDS,
        study=config["study"],
        participants=config["judge"]["participants"],
        pairs=config["judge"]["pairs"],
        overlap=config["judge"]["overlap"],
        attention=config["judge"]["attention"],
        repeats=config["judge"]["repeats"],
        training=config["judge"]["training"],
        familiarity=config["judge"]["familiarity"],
        criteria=config["judge"]["criteria"],
        break_every=config["judge"]["break_every"],
        seed=config["seed"],
    script:
        "../scripts/pair_outputs.py"


# Of the next two rules only one has an output: simulated answers stand in until there are people's.


rule simulate_responses:
    input:
        pairs=f"{JUDGED}/pairs.parquet",
        persons=f"{JUDGED}/persons.parquet",
        key=f"{JUDGED}/key.parquet",
        persons_key=f"{JUDGED}/persons_key.parquet",
    output:
        responses=[] if PEOPLES_ANSWERS else f"{JUDGED}/responses.parquet",
        familiar=[] if PEOPLES_ANSWERS else f"{JUDGED}/familiar.parquet",
    log:
        f"{STUDY}/logs/judge/simulate_responses.log",
    benchmark:
        f"{STUDY}/benchmarks/judge/simulate_responses.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        *code_of("simulate_responses.py"),
        preference=config["judge"]["simulated"],
        known=config["judge"]["simulated_familiarity"],
        seed=config["seed"],
    script:
        "../scripts/simulate_responses.py"


rule read_responses:
    input:
        answers=f"{config['data_root']}/{PEOPLES_ANSWERS}" if PEOPLES_ANSWERS else [],
        familiarity=f"{config['data_root']}/{PERSONS_KNOWN}" if PERSONS_KNOWN else [],
        pairs=f"{JUDGED}/pairs.parquet",
        persons=f"{JUDGED}/persons.parquet",
        sheet=f"{JUDGED}/sheet.json",
    output:
        responses=f"{JUDGED}/responses.parquet" if PEOPLES_ANSWERS else [],
        familiar=f"{JUDGED}/familiar.parquet" if PEOPLES_ANSWERS else [],
    log:
        f"{STUDY}/logs/judge/read_responses.log",
    benchmark:
        f"{STUDY}/benchmarks/judge/read_responses.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        *code_of("read_responses.py"),
        digests=digests_of(*JUDGEMENTS),
    script:
        "../scripts/read_responses.py"


rule judge_pairs:
    input:
        pairs=f"{JUDGED}/pairs.parquet",
        key=f"{JUDGED}/key.parquet",
        persons_key=f"{JUDGED}/persons_key.parquet",
        responses=f"{JUDGED}/responses.parquet",
        familiar=f"{JUDGED}/familiar.parquet",
        realism=f"{STUDY}/synthesise/realism.parquet",
    output:
        table5=f"{JUDGED}/table5.csv",
        scores=f"{JUDGED}/scores.csv",
        model=f"{JUDGED}/model.json",
    log:
        f"{STUDY}/logs/judge/judge_pairs.log",
    benchmark:
        f"{STUDY}/benchmarks/judge/judge_pairs.tsv"
    conda:
        ENVIRONMENT
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        *code_of("judge_pairs.py"),
        attention_needed=config["judge"]["attention_needed"],
        confidence=config["report"]["confidence"],
        seed=config["seed"],
    script:
        "../scripts/judge_pairs.py"
