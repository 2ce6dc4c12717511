"""The go-live gate: what must be proven before real money is traded, and by what evidence.

trust     whose signature counts: the auditor's public key
signed    results with a signature: made by the auditor, checked here
evidence  everything the gate looks at, gathered once: signed results, the audit log, this machine
lines     the table of what must hold
judging   what a judge of a line returns; the judges are in box, shown, account and earned
gate      the decision, and its record in the audit log
permit    what a connector for real orders is given of it
tasks     the specification's tasks, with what was measured
page      docs/ready.md
"""
