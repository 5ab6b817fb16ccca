"""The jobs of a release work when they are started as in a cluster."""

import asyncio
import os
import sys

from deploy.k8s.house_rules import Manifest, containers, environment, workloads

from gridcare_local.testing.backend import Broker


async def test_the_topics_job_is_repeatable(own_kafka: Broker, dev: list[Manifest]):
    """The job creates the topics with only the settings from its manifest, and succeeds when it runs again."""
    (container,) = [containers(template)[0] for name, template in workloads(dev) if name == "Job/repair-intake-topics"]
    variables = {name: value for name, value in environment(dev, container).items() if value is not None}
    variables |= {"PATH": os.environ["PATH"], "GRIDCARE_KAFKA_BOOTSTRAP": own_kafka.bootstrap}
    for _ in range(2):
        job = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "repair_intake", *container["args"], env=variables, stderr=asyncio.subprocess.PIPE
        )
        _, errors = await asyncio.wait_for(job.communicate(), 60)
        assert job.returncode == 0, errors
