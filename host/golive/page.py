"""docs/ready.md, made from the tables of the gate."""

import textwrap
from collections.abc import Callable, Iterable

from host.golive.lines import LINES
from host.golive.signed import KINDS
from host.golive.tasks import DEVIATIONS, TASKS
from host.golive.trust import PRODUCTION, TEST_MARK
from host.ledger import history

OPENING = """
What must be proven before real money is traded. `bot4 ready` shows each line with its evidence and
that evidence's age (exit code 1 while one is open). `bot4 run --live` refuses while any is, says
which, and puts the decision and the digests of all evidence into the audit log (`live_refused`,
`live_granted`). Missing, too old, altered, of another host or of other sources, from a bench that is
not physical: open, with the reason. So is a check that cannot run.
"""
TRUST = f"""
The trust root of production is the auditor's public key in `{PRODUCTION}`, which belongs to root and
which nobody else can write. `bot4 run --live` reads it from there and from nowhere else.
`bot4 ready --trust-root FILE` tries the gate with another key; a file with the words
`{TEST_MARK.decode()}` in it is a test root wherever it lies. The auditor makes the key on another
machine, and keeps the private half there:

```sh
openssl genpkey -algorithm ed25519 -out auditor.key && chmod 600 auditor.key
openssl pkey -in auditor.key -pubout -out auditor.pem
```
"""
SIGNED = """
`bot4 ready sign FILE --as KIND --key auditor.key --host NAME` writes `KIND-FILE.signed.json`, to be
laid into `evidence/` beside the audit log's folder. It holds the digests of the sources that it was
signed beside: the auditor works in a checkout of what trades. Its age counts from the measurement: the
result's own time (`at`), else that of its file. Every result in that folder must be signed by the
trusted key; one that was altered keeps `trust_root` open until it is gone.
"""
WITNESS = """
The witness key is never on the host, so receipts are checked by the auditor, on a copy of the log
(`bot4 audit verify --witness-key`), and the signed report counts as far as its receipts reach;
`bot4 ready --witness-key` does both at once on the auditor's machine. A host that is owned by
somebody else can write any wall time and any figure, and the witness vouches for what it was shown
([threat model](threat-model.md)). Receipts show that the log was not rewritten afterwards, and
that a witness was there all through the day.
"""
FIGURES = """
Daily returns are after fees and fixed costs. Sharpe ratios are of 365 days, with the standard error
of Mertens (2002), the probabilistic and the deflated ratio of Bailey and Lopez de Prado (2012, 2014;
the second needs a signed count of trials). The mean has a 95 % interval of Newey and West (1987). A
target that was missed stays open until its miss is accepted by signature, down to a value, for 30
days. Newer days that do not count are in the profit and in the drawdown all the same.
"""


def page(table: Callable[[Iterable[str], Iterable[Iterable[object]]], str]) -> str:
    """Return the page. table(head, rows) -- makes a Markdown table"""
    lines = [
        [row.name, row.must, row.proof, f"{row.max_age_days:g} days" if row.max_age_days else "now"]
        for row in LINES
    ]
    tasks = [
        [
            task.number,
            task.task,
            ", ".join(map(str, task.needs)) or "-",
            task.criterion,
            ", ".join(task.lines),
        ]
        for task in TASKS
    ]
    days = textwrap.dedent(history.__doc__ or "").partition("\n\n")[2]
    parts = [
        "# bot4 ready",
        OPENING,
        table(["line", "must hold", "proven by", "at most so old"], lines),
        "## Whose signature counts",
        TRUST,
        "## What is signed",
        SIGNED,
        table(["kind", "result"], KINDS.items()),
        "## Which days count",
        days,
        WITNESS,
        "## Figures",
        FIGURES,
        "## The tasks (`bot4 ready --tasks`)",
        table(["", "task", "needs", "reached when", "lines"], tasks),
        "## Deviations from the specification",
        table(["asked for", "built"], DEVIATIONS),
    ]
    return "\n\n".join(part.strip() for part in parts)
