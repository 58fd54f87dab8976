"""What the benchmarks share: hardware and versions, commands in fresh processes, memory, tables,
result files.
"""

import importlib.metadata
import json
import os
import platform
import resource
import subprocess
import sys
from pathlib import Path

from utils.errors import InputError

PACKAGES = (
    "torch",
    "transformers",
    "tokenizers",
    "datasets",
    "accelerate",
    "numpy",
    "pandas",
    "pyarrow",
    "scikit-learn",
)
# A small process of its own starts the command: a child begins with the peak of memory of the
# process that made it, and the one that asks is large. RssAnon is the memory that is no file's.
LAUNCHER = """
import json, os, resource, subprocess, sys, time
if sys.argv[1] == "one_core" and hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
start = time.perf_counter()
child = subprocess.Popen(sys.argv[2:], stdout=subprocess.DEVNULL)
private = 0
while child.poll() is None:
    try:
        status = open(f"/proc/{child.pid}/status").read()
        private = max(private, int(status.split("RssAnon:")[1].split()[0]))
    except (OSError, IndexError):
        pass
    time.sleep(0.02)
seconds = time.perf_counter() - start
used = resource.getrusage(resource.RUSAGE_CHILDREN)
unit = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss, in bytes
print(json.dumps({
    "rc": child.returncode,
    "seconds": seconds,
    "cpu_seconds": used.ru_utime + used.ru_stime,
    "peak_mb": used.ru_maxrss * unit / 1e6,
    "private_mb": private * 1024 / 1e6 or None,
}))
"""


def cpu_model() -> str:
    """The processor's name, as the system gives it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def available_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def hardware(**more) -> dict:
    """Processor, cores, threads asked for, versions, and what the caller adds."""
    return {
        "cpu": cpu_model(),
        "cores": available_cores(),
        "omp_num_threads": os.environ.get("OMP_NUM_THREADS", "not set"),
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
    } | more


def hardware_line(machine: dict) -> str:
    """The hardware and versions in one sentence for the head of a table."""
    known = {k: v for k, v in machine.items() if k != "versions"} | machine["versions"]
    return ", ".join(f"{name} {value}" for name, value in known.items() if value is not None)


def peak_memory_mb() -> float:
    """The most memory this process ever held, in MB (10⁶ bytes), of its own program alone.

    Linux hands the maximum of the launching process down through exec in `ru_maxrss`; `VmHWM`
    starts anew.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        return int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6
    except (OSError, IndexError):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def launch(command: list, one_core: bool = False) -> dict:
    """Run a command in a process of its own: its seconds, cpu_seconds, peak_mb and private_mb
    (Linux).

    Args:
        one_core: pin it to one core, where the system can, and set OMP_NUM_THREADS=1.

    Raises:
        InputError: the command failed.
    """
    cores = "one_core" if one_core else "all_cores"
    words = [sys.executable, "-S", "-c", LAUNCHER, cores, *map(str, command)]
    environment = dict(os.environ)
    if one_core:
        environment["OMP_NUM_THREADS"] = "1"
    done = subprocess.run(words, capture_output=True, text=True, env=environment)
    result = json.loads(done.stdout) if done.stdout else {"rc": done.returncode}
    if result.pop("rc"):
        raise InputError(f"{' '.join(map(str, command))} failed: {done.stderr[-800:]}")
    return result


def markdown_table(rows: list[dict], columns: dict[str, str]) -> str:
    """A Markdown table; numbers are rounded to three figures.

    Args:
        columns: key of the rows -> header.
    """
    lines = ["| " + " | ".join(columns.values()) + " |", "|" + " --- |" * len(columns)]
    for row in rows:
        lines.append("| " + " | ".join(cell(row.get(key)) for key in columns) + " |")
    return "\n".join(lines) + "\n"


def cell(value) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def write_results(output: str, name: str, results: dict, markdown: str) -> Path:
    """Write `<name>.json` and `<name>.md` into the folder `output`; returns the Markdown file."""
    folder = Path(output)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(results, ensure_ascii=False, indent=2)
        (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")
        (folder / f"{name}.md").write_text(markdown, encoding="utf-8")
    except OSError as error:
        raise InputError(
            f"--output {output}: cannot be written ({error}); choose another folder"
        ) from None
    return folder / f"{name}.md"
