"""From bars to a model that says how likely a rise is: labels, folds, calibration, card.

labels       what came after each row, and when that was known
samples      features, labels and their times, ready for the splits of host.validation
classifiers  the kinds of model there are, each calibrated on folds of its own
judging      a fit judged on one fold; means over folds, and the limits
trainer      judged over all folds, then fitted to everything, exported with its card
walks        many symbols, folds and parameters: on one core, on many, on a cluster

Nothing is fitted or judged outside of the purged and embargoed splits.
"""
