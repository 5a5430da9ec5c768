"""What `make study` prints where there is no terminal."""

from facegap.lines import REPORT, shortened

PRINTED = """\
Provided cores: 2
Job stats:
job       count
------  -------
one           1
total         2

Select jobs to execute...
Execute 1 jobs...

[Mon Nov 30 11:56:35 2026]
localrule one:
    input: a.csv
    output: b.csv
    jobid: 2
    resources: tmpdir=/tmp
[Mon Nov 30 11:56:37 2026]
Finished jobid: 2 (Rule: one)
1 of 2 steps (50%) done
Select jobs to execute...
Execute 1 jobs...
[Mon Nov 30 11:57:07 2026]
Error in rule two:
    message: None
    log: logs/two.log (check log file(s) for error details)
The report is at results/micro/report/index.html
Elapsed time: 0:00:13
"""


def test_a_job_is_a_line_and_errors_pass() -> None:
    words = [
        "Provided cores: 2",
        "11:56    1 of 2  one",
        "Error in rule two:",
        "    message: None",
        "    log: logs/two.log (check log file(s) for error details)",
        "Elapsed time: 0:00:13",
        f"{REPORT}results/micro/report/index.html",
    ]
    assert "".join(shortened(PRINTED.splitlines(keepends=True))).splitlines() == words
