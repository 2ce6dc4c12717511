"""Where each word of a shared page lives: one page per writer, read-only for everybody else."""

MAGIC = 0x3470_6F54_4F42_3431
VERSION = 1

# Every page begins with these.
HEAD_MAGIC, HEAD_VERSION, HEAD_KIND, HEAD_PID = range(4)
# Number of messages in the page's ring.
RING_HEAD = 4
RING_SLOTS = 1024
RING_FIRST_WORD = 64
SLOT_WORDS = 128
HEAD_BYTES = 8 * RING_FIRST_WORD  # the words before the ring
PAGE_BYTES = 8 * (RING_FIRST_WORD + RING_SLOTS * SLOT_WORDS)

KIND_GUARD, KIND_ENGINE, KIND_RECORDER, KIND_SUPERVISOR = 1, 2, 3, 4
KIND_MODELLER, KIND_ENRICHER = 5, 6

# The guard's page.
GUARD_MODE = 8
GUARD_LEASE_NS = 9
GUARD_LADDER_TOKEN = 10
# A lease that ends later than this was not given by a guard (controller.times: 20 and 100 ms).
MOST_LEASE_NS = 1_000_000_000

# An engine's page.
ENGINE_SLOT = 8
ENGINE_HEARTBEAT_NS = 9
ENGINE_SENT = 10
ENGINE_REFUSED = 11
# Zero, or the host.modes.Reason for which the engine itself wants to be stepped down.
ENGINE_CONDITION = 12

# The recorder's page: heartbeat, whether the last commit failed, and how far it has read and
# made durable the rings of the guard, of the supervisor and of the engines.
RECORDER_HEARTBEAT_NS = 8
RECORDER_FAILING = 9
RECORDER_GUARD_SEQ = 10
RECORDER_RECORDS = 11
RECORDER_SUPERVISOR_SEQ = 12
# Two words for each engine, in the order of the guard's list: how far its ring is durable, its pid.
RECORDER_ENGINES = 16
MOST_ENGINES = 8

# The modeller's page: a seqlock of the fields of host.forecast.Forecast.
FORECAST = 8
# What a decision takes of a forecast, in this order (host.hotpath.decision).
FORECAST_FIELDS = ("expected_return", "sigma", "signal")

# The enricher's page: which symbols it speaks of (a digest of their sorted list), and for each of
# them, in that order, a seqlock of its opinion.
ENRICHER_SYMBOLS = 8
ENRICHER_FIRST_WORD = 64
ENRICHER_SLOT_WORDS = 8  # a cache line for each
OPINION_FIELDS = ("sentiment", "confidence")
MOST_SYMBOLS = 64
