"""Snakemake as it is, but it asks after its SLURM jobs every second.

By itself it waits ten seconds longer each time that no job has ended, which is right for a
cluster and most of the time of a test.
"""

from snakemake.cli import main
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor

if __name__ == "__main__":
    RemoteExecutor.next_seconds_between_status_checks = property(
        lambda _self: 1, lambda _self, _seconds: None
    )
    main()
