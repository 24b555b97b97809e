"""What a run asks a scheduler for."""

from types import SimpleNamespace

from experiments import plan_of

from kdml.experiment.run_resources import CORES_BESIDE_A_GPU, RunResources


def test_where_tasks_agree_resources_are_numbers():
    found = RunResources(plan_of())
    assert (found.gpus, found.cores) == (1, CORES_BESIDE_A_GPU) and isinstance(found.threads, int)


def test_where_tasks_differ_each_asks_for_its_own():
    own = {"hcd": {"device": "cpu", "threads": 3}, "lgg": {"device": "cuda", "threads": 2}}
    tasks = {key: task.model_dump(mode="json") for key, task in plan_of().experiment.tasks.items()}
    found = RunResources(plan_of(tasks={key: task | {"training": own.get(key, {})} for key, task in tasks.items()}))
    jobs = {key: SimpleNamespace(task=key) for key in own}
    asked = {key: (found.threads(job), found.gpus(job), found.cores(job)) for key, job in jobs.items()}
    assert asked == {"hcd": (3, 0, 3), "lgg": (2, 1, CORES_BESIDE_A_GPU)}
