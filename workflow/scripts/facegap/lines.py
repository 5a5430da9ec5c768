"""A line a job of what Snakemake prints, for where no terminal shows bars.

    snakemake ... 2>&1 | python -m facegap.lines

What is not of jobs that begin and end well, as errors and logs of jobs that failed are, passes as
it is. Last comes where the report is, or what ended each job that failed, as far as its log says.
"""

import io
import re
import signal
import sys
from collections.abc import Iterable, Iterator

TIME = re.compile(r"\[\w{3} \w{3} +\d+ (\d\d:\d\d):\d\d \d{4}\]$")
FINISHED = re.compile(r"Finished jobid: \d+ \(Rule: (\w+)\)$")
STEPS = re.compile(r"(\d+) of (\d+) steps \(.*\) done$")
JOB = re.compile(r"(local)?(rule|checkpoint) \w+:$")  # its record is indented
BETWEEN = re.compile(r"Select jobs to execute\.\.\.$|Execute \d+ jobs\.\.\.$|$")
PLAN = "Job stats:\n"  # a table that ends with an empty line: each line below says how many jobs
LOG, RULE = re.compile(r"Logfile .+:$"), re.compile(r"=+$")  # a log stands between two rules
REPORT = "The report is at "
FAILED = re.compile(r"Error in rule (\w+):$")
RAISED = re.compile(r"(?:\w+\.)*\w*(?:Error|Exception)(: |$)")  # a traceback's last words begin so
NO_REASON = "its log does not say why; was it ended from outside, or for want of memory?"


def shortened(lines: Iterable[str]) -> Iterator[str]:
    """`lines`, with one of each job that ended in place of what is printed of it."""
    time = rule = failed = ""
    last: list[str] = []
    reasons: dict[str, str] = {}
    lines = iter(lines)
    in_record = False
    for line in lines:
        in_record = bool(JOB.match(line)) or (in_record and line.startswith(" "))
        if found := TIME.match(line):
            time = found[1]
        elif found := FINISHED.match(line):
            rule = found[1]
        elif found := STEPS.match(line):
            yield f"{time} {found[1]:>4} of {found[2]}  {rule}\n"
        elif line == PLAN:
            _ = list(_until(lines, re.compile("$")))
        elif LOG.match(line):
            shown = [line, next(lines, ""), *_until(lines, RULE)]
            reasons[failed] = _reason(shown) or NO_REASON
            yield from shown
        elif line.startswith(REPORT):
            last.append(line)
        elif not (in_record or BETWEEN.match(line)):
            if found := FAILED.match(line):
                failed = found[1]
                reasons[failed] = NO_REASON
            yield line
    yield from (f"\n{rule} failed: {reason}\n" for rule, reason in reasons.items())
    yield from last


def _reason(shown: list[str]) -> str:
    """The words of the exception that ended a job whose log is `shown`; empty if it has none."""
    begin = max((k for k, line in enumerate(shown) if RAISED.match(line)), default=len(shown))
    return "".join(line for line in shown[begin:] if not RULE.match(line)).strip()


def _until(lines: Iterator[str], end: re.Pattern[str]) -> Iterator[str]:
    """The next of `lines`, to the first that is an `end`."""
    for line in lines:
        yield line
        if end.match(line):
            return


def main() -> None:
    """Print the standard input shortened, to its end: an interrupt is Snakemake's to answer."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for stream in (sys.stdin, sys.stdout):
        assert isinstance(stream, io.TextIOWrapper)
        stream.reconfigure(errors="backslashreplace")  # what native code prints may be no text
    for line in shortened(sys.stdin):
        print(line, end="", flush=True)


if __name__ == "__main__":
    main()
