"""The report of `fanout`: text, tables and a plot."""

from collections.abc import Sequence
from statistics import median

from benchmarks.results import Run, beside, grouped, middle_cpu_us, middle_rate, ratios, table, times

PROCESSES = ("service", "api", "planner", "sender", "sender 2", "worker", "relay", "postgres", "kafka", "fcm")
FLAT = ("api", "planner", "sender", "worker", "relay")
MUST_RATIO, MUST_FLAT = 10, 1.2
PLOT_WIDTH = 50


def report(runs: Sequence[Run], rounds: int) -> str:
    """Return the section's text."""
    groups = grouped(runs)
    base = next(rounds for (name, _), rounds in groups.items() if name == "ordinary")
    ours = {size: rounds for (name, size), rounds in groups.items() if name == "ours"}
    smallest, largest = ours[min(ours)], ours[max(ours)]
    deployed = next(rounds for (name, _), rounds in groups.items() if name == "ours, two senders")
    growth = middle_cpu_us(largest) / middle_cpu_us(smallest)
    rows = [
        (
            f"{name}, {size:,} recipients",
            f"{median(each.seconds for each in measured):,.1f}",
            f"{middle_rate(measured):,.0f}",
            f"{middle_cpu_us(measured):,.0f}",
            times(ratios(measured, base)),
            times(middle_cpu_us(base) / middle_cpu_us(measured)),
        )
        for (name, size), measured in groups.items()
    ]
    head = ("contender", "seconds", "a second", "CPU µs each", "rate ÷ ordinary", "CPU less by")
    return "\n".join(
        (
            "From publishing an outage to NoticeCompleted on its topic, with every outcome recorded and an emulator that",
            f"answers at once; medians of {rounds} rounds. Ours is the whole service, each process once, on the same cores;",
            "then with a second sender, one per core (production's overlay deploys three). The ordinary service is one",
            "process: one Kafka record per recipient, firebase-admin's `send_each_async` in calls of 500, one INSERT each.",
            "CPU is that of all processes of the service and PostgreSQL; the next table has Kafka's and the emulator's.",
            "",
            table(head, rows),
            "",
            f"- rate at {largest[0].units:,} ÷ ordinary, one sender: {times(ratios(largest, base))}",
            f"- the same with two senders: {times(ratios(deployed, base))} (must reach {times(MUST_RATIO)})",
            f"- CPU per recipient at {largest[0].units:,} ÷ at {smallest[0].units:,}: {growth:.2f}",
            beside(runs),
            "",
            "CPU µs per recipient by process:",
            "",
            _processes(groups),
            "",
            f"Peak of private memory in MB (processes restarted for each run; must stay within {times(MUST_FLAT)}), without",
            "PostgreSQL's shared buffers, a cache of fixed size that fills up:",
            "",
            _memory(ours),
            "",
            "CPU µs per recipient by size:",
            "",
            _plot(groups),
        )
    )


def _processes(groups: dict[tuple[str, int], list[Run]]) -> str:
    rows = [
        (
            f"{name}, {size:,}",
            *(
                f"{median(each.cpu_us_of(process) for each in measured):,.1f}" if process in measured[0].cpu_s else ""
                for process in PROCESSES
            ),
        )
        for (name, size), measured in groups.items()
    ]
    return table(("run", *PROCESSES), rows)


def _memory(ours: dict[int, list[Run]]) -> str:
    sizes = sorted(ours)
    peaks = {
        process: [median(each.memory_mb[process] for each in ours[size]) for size in sizes]
        for process in (*FLAT, "postgres", "kafka", "fcm")
    }
    rows = [
        (process, *(f"{peak:,.0f}" for peak in of_process), times(of_process[-1] / of_process[0], digits=2))
        for process, of_process in peaks.items()
    ]
    return table(("process", *(f"{size:,}" for size in sizes), "largest ÷ smallest"), rows)


def _plot(groups: dict[tuple[str, int], list[Run]]) -> str:
    costs = {f"{name} {size:>9,}": middle_cpu_us(measured) for (name, size), measured in groups.items()}
    highest, width = max(costs.values()), max(map(len, costs))
    bars = [
        f"{name:<{width}} {'█' * max(1, round(cost / highest * PLOT_WIDTH))} {cost:,.0f}"
        for name, cost in costs.items()
    ]
    return "\n".join(("```text", *bars, "```"))
