"""What `bot4 ready` prints for people: 80 columns."""

import textwrap
from typing import Any

from host.golive.gate import Decision, Judged

WIDTH = 79
INDENT = " " * 6


def show(decision: Decision) -> None:
    """Print every line, the open ones marked, and what follows from them."""
    for line in decision.lines:
        print(f"{'OPEN' if line.open else 'ok':5} {line.line:14} {age(line)}")
        for text in (line.found, f"open: {line.reason}" if line.open else ""):
            if text and text != "-":
                print(textwrap.fill(text, WIDTH, initial_indent=INDENT, subsequent_indent=INDENT))
    print()
    count = len(decision.open)
    if count:
        print(f"NOT ready: {count} of {len(decision.lines)} lines are open")
    elif decision.live:
        print("ready: `bot4 run --live` may trade")
    else:
        print("ready, under a root that is not production's: `bot4 run --live` refuses it")
    print(f"decision {decision.digest[:16]}, trust root: {decision.trust}")


def age(line: Judged) -> str:
    """How old the evidence is, and may be."""
    if line.max_age_days is None:
        return "looked up now"
    if line.age_s is None:
        return f"no evidence (at most {line.max_age_days:g} days old)"
    return f"{line.age_s / 86_400:.1f} days old, at most {line.max_age_days:g}"


def refuse(decision: Decision) -> str:
    """Return why `run --live` refuses, one line for each open line."""
    rows = [f"  {line.line}: {line.reason}" for line in decision.open]
    return "\n".join(["not ready for live trading; nothing is traded:", *rows])


def show_tasks(told: dict[str, Any]) -> None:
    """Print the tasks and the deviations."""
    for task in told["tasks"]:
        needs = ", ".join(str(number) for number in task["needs"]) or "nothing"
        print(f"{task['number']}. {task['task']} (needs {needs})")
        print(
            textwrap.fill(task["criterion"], WIDTH, initial_indent="   ", subsequent_indent="   ")
        )
        for line in task["lines"]:
            mark = "OPEN" if line["open"] else "ok"
            text = f"{mark:5}{line['line']}: {line['reason'] if line['open'] else line['found']}"
            print(textwrap.fill(text, WIDTH, initial_indent=INDENT, subsequent_indent=INDENT * 2))
        for figure in task["measured"]:
            print(f"{INDENT}     {figure}")
    print("\ndeviations from the specification")
    for asked, built in told["deviations"]:
        print(textwrap.fill(f"- {asked}: {built}", WIDTH, subsequent_indent="  "))
