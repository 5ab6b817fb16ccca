"""The jobs of a release do their work, as a cluster calls them."""

import asyncio
import os
import sys

from deploy.k8s.house_rules import Manifest, containers, environment, workloads

from gridcare_local.testing.backend import Broker


async def test_the_topics_job_makes_the_topics_and_may_be_run_again(own_kafka: Broker, dev: list[Manifest]):
    """A service's own settings are enough for it, and a second release changes nothing."""
    (container,) = [containers(template)[0] for name, template in workloads(dev) if name == "Job/repair-intake-topics"]
    told = {name: value for name, value in environment(dev, container).items() if value is not None}
    surrounding = {"PATH": os.environ["PATH"], **told, "GRIDCARE_KAFKA_BOOTSTRAP": own_kafka.bootstrap}
    for _ in range(2):
        job = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "repair_intake", *container["args"], env=surrounding, stderr=asyncio.subprocess.PIPE
        )
        _, complaint = await asyncio.wait_for(job.communicate(), 60)
        assert job.returncode == 0, complaint
