# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""From a price to an order that has left: features, decision, checks, gate, in one compiled call.

Nothing on the way is a Python object and nothing allocates: the order is written into a buffer of
its own. Prices, account and mode come in; what the account does with an order is the caller's.

The target is the one of host.engine.strategy, and an entry whose edge does not pay its costs is not
made. Where a model is given (decision and forecast), it can
only hold back: an entry needs its word, and what is held is sold when it says so. A forecast that is
too old or makes no sense opens nothing. What the risk allows and what the enrichment says (`outlook`)
makes an entry smaller.
"""

from libc.math cimport INFINITY, fabs
from libc.stdint cimport int64_t, uint64_t
from libc.stdio cimport snprintf
from libc.string cimport memcpy

from host.hotpath.atomics cimport bot4_now_ns
from host.hotpath.ordertext cimport (MOST_DECIMALS, NUMBER_BYTES, TENS, price_units,
                                     put_number)
from host.hotpath.riskorder cimport text
from host.hotpath.riskmemory cimport ID_CHARS, NAME_CHARS
from host.hotpath.seqlock cimport MOST_VALUES

from host import decisions, layout, modes, refusals
from host.engine import provenance
from host.engine.checks import order as bounds
from host.engine.forecasts import NEVER_S

HOLD = -1  # nothing to do, beside the codes of host.refusals
cdef int C_HOLD = HOLD
cdef enum:
    MODES = 4
cdef double SHARE[MODES]
for _mode in range(MODES):
    # In a stopped mode the decision goes on at full limits, and the gate refuses it.
    SHARE[_mode] = modes.LIMIT_SHARE.get(_mode, 1.0)

cdef int OPEN = modes.Intent.OPEN
cdef int REDUCE = modes.Intent.REDUCE
cdef int A_OPEN_LONG = decisions.OPEN_LONG
cdef int A_REDUCE_LONG = decisions.REDUCE_LONG
cdef int R_SENT = refusals.SENT
cdef int R_NUMBER = refusals.BAD_NUMBER
cdef int R_FAILED = refusals.SEND_FAILED
cdef int R_UNKNOWN = refusals.OUTCOME_UNKNOWN
cdef int R_RECONCILED = refusals.NOT_RECONCILED
cdef double LEAST = bounds.LEAST
cdef double MOST = bounds.MOST
cdef double MOST_LOTS = 1e9
cdef char[ID_CHARS] ZEROS
# id, quantity, price; an exit has no price.
cdef const char *ENTRY = (b'{"op":"new","id":"%s","intent":"OPEN","side":"buy","type":"limit",'
                          b'"qty":"%s","price":"%s","reduce_only":false}')
cdef const char *EXIT = (b'{"op":"new","id":"%s","intent":"REDUCE","side":"sell","type":"market",'
                         b'"qty":"%s","price":null%s,"reduce_only":true}')


cdef int64_t on_grid(int64_t units, int decimals, int64_t tick, int tick_decimals) noexcept nogil:
    """Return a price down on the grid, in units of 10^-MOST_DECIMALS."""
    cdef int64_t step = <int64_t> (tick * TENS[MOST_DECIMALS - tick_decimals])
    units = <int64_t> (units * <int64_t> TENS[MOST_DECIMALS - decimals])
    return units - units % step


cdef class Pipeline:
    """One strategy on one instrument.

    strategy, instrument -- names, as in the checks; run -- of the ids, in hex
    position_value, order_value -- what the strategy aims at, in quote currency
    capital -- quote currency that is there beside what the venue says
    wal -- where an order is written down before it leaves
    decision, forecast, forecast_age_ns -- a model's word (both or none) and how old it may be

    Raises ValueError when a name or a value cannot be, or only one of decision and forecast is given.
    """

    def __init__(self, str strategy not None, str instrument not None, str run not None,
                 Serial serial not None, RiskCheck checks not None, Gate gate not None,
                 double position_value, double order_value, Decision decision=None,
                 Seqlock forecast=None, uint64_t forecast_age_ns=0, double capital=0.0,
                 Wal wal=None):
        cdef bytes prefix = f"{strategy}.{run}.".encode("ascii")
        if not (0 < position_value <= MOST and 0 < order_value <= MOST):
            raise ValueError(f"values {position_value!r}, {order_value!r}: above 0, at most {MOST:g}")
        if not 0 <= capital <= MOST:
            raise ValueError(f"capital {capital!r}: from 0 to {MOST:g}")
        if not text(strategy, self._order.strategy.text, NAME_CHARS):
            raise ValueError(f"strategy {strategy!r}: from 1 to {NAME_CHARS} ASCII characters")
        if not text(instrument, self._order.instrument.text, NAME_CHARS):
            raise ValueError(f"instrument {instrument!r}: from 1 to {NAME_CHARS} ASCII characters")
        if provenance.read(f"{strategy}.{run}.0.1") is None or len(prefix) >= PREFIX_BYTES:
            raise ValueError(f"strategy {strategy!r}, run {run!r}: they make no id")
        if (decision is None) != (forecast is None):
            raise ValueError("decision and forecast: both or none")
        if forecast is not None and forecast.count != len(layout.FORECAST_FIELDS):
            raise ValueError(f"forecast of {forecast.count} values: {layout.FORECAST_FIELDS}")
        self._order.strategy.length, self._order.instrument.length = len(strategy), len(instrument)
        memcpy(self._prefix, <const char *> prefix, len(prefix))
        self._prefix_length = len(prefix)
        self.features = Features()
        self.checks, self._gate, self._serial, self._wal = checks, gate, serial, wal
        self._order_value, self._capital = order_value, capital
        self._least_edge = -INFINITY
        # Until an outlook is given no forecast is known: where the limits need one, nothing opens.
        self.outlook(position_value, 0.0, 0.0, NEVER_S)
        self._decision, self._forecast, self._forecast_age_ns = decision, forecast, forecast_age_ns

    def set_lot(self, int64_t units, int decimals):
        """Set the lot: units of 10^-decimals. Raises ValueError for one that cannot be."""
        if not (0 < units <= 10**12 and 0 <= decimals <= 8):
            raise ValueError(f"lot {units} x 10^-{decimals}: above 0, at most 8 decimals")
        self._lot_units, self._lot_decimals = units, decimals
        self._lot = <double> units / 10.0**decimals

    def set_rules(self, int64_t tick_units, int tick_decimals, double least, double least_value):
        """Set what the venue takes: the grid of prices (as a lot), the least quantity and value.

        A buy goes down to the grid, and nothing is done about what is less. Raises ValueError.
        """
        if not (0 < tick_units <= 10**12 and 0 <= tick_decimals <= 8):
            raise ValueError(f"tick {tick_units} x 10^-{tick_decimals}: above 0, at most 8 decimals")
        if not (0 <= least <= MOST and 0 <= least_value <= MOST):
            raise ValueError(f"least quantity {least!r}, value {least_value!r}: from 0 to {MOST:g}")
        self._tick_units, self._tick_decimals = tick_units, tick_decimals
        self._least, self._least_value = least, least_value

    def set_least_edge(self, double share):
        """Set what the trend must be expected to bring for an entry, as a share of the price.

        Without it every edge is enough. Raises ValueError for what is no number.
        """
        if share != share:
            raise ValueError("an edge that is no number")
        self._least_edge = share

    def account(self, double position, int64_t held_lots, double cash):
        """Take over what the venue has said; base units, whole lots of it, quote currency.

        Nothing is open then: while an order of ours is, nobody asks for another.
        """
        self._world.position, self._held_lots, self._cash = position, held_lots, cash

    def outlook(self, double most_value, double var_share, double cvar_share, double age_s,
                double factor=1.0):
        """Take over what the forecast allows and says, for the decisions from now on.

        most_value -- of the largest position to want, quote currency; anything but a number holds
        var_share, cvar_share, age_s -- of the forecast, as in the checks' facts
        factor -- of an entry, from 0 to 1; anything else is 0
        """
        self._most_value = most_value
        self._world.var_share, self._world.cvar_share = var_share, cvar_share
        self._world.forecast_age_s = age_s
        self._factor = factor if 0 <= factor <= 1 else 0.0

    def exits_by_hand(self):
        """Send no exit from now on: `decide` passes the checks, answers HOLD, and `lots` is below 0.

        At a venue without reduce-only orders a stop has to make room first (host.execution.leaving).
        """
        self._by_hand = True

    def wish(self):
        """Return the position to want, in lots, before any word of caution; what is held if none."""
        cdef uint64_t mode = self._gate.mode_word() & 0xFF
        cdef int64_t target = self._held_lots
        self._aim(SHARE[mode if mode < MODES else MODES - 1], &target)
        return target

    @property
    def equity(self):
        """Quote currency, at the last price."""
        return self._world.equity

    def seen(self, double price, int64_t now_ns):
        """Take one price of the feed into features and checks."""
        self.take(price, now_ns)

    def decide(self, int fd, bint ready, int64_t now_ns=0):
        """Send the order that leads to the target; return HOLD or a code of host.refusals.

        fd -- of the venue, or -1; ready -- it has been reconciled; now_ns -- 0 takes the clock.
        `lots`, `epoch`, `id` and `request` say what was proposed, also when it was refused.
        """
        cdef int code
        with nogil:
            code = self.act(fd, ready, now_ns)
        return code

    @property
    def id(self):
        """The id of the last proposal."""
        return self._order.id.text[:self._order.id.length].decode("ascii")

    @property
    def quantity(self):
        """Its quantity in base units, and `price` of the feed at it."""
        return self._order.quantity

    @property
    def request(self):
        """What was or would have been sent for the last proposal; empty when it cannot be written."""
        return self._request[:self._request_length]

    cdef void take(self, double price, int64_t now_ns) noexcept nogil:
        self._seen_ns = now_ns
        self._world.last_price = price
        if LEAST <= price <= MOST:
            self.features.take(price)
        # Plus 0.0: a venue may write an empty position as -0, and the checks refuse a negative zero.
        self._world.equity = self._capital + (self._cash + self._world.position * price) + 0.0
        self.checks.look(price, self._world.equity, now_ns)

    cdef int act(self, int fd, bint ready, int64_t now_ns) noexcept nogil:
        cdef uint64_t word = self._gate.mode_word()
        cdef uint64_t mode = word & 0xFF
        cdef bint opens
        cdef int code
        self.epoch = word >> 32
        mode = mode if mode < MODES else MODES - 1  # the gate refuses it
        if not (LEAST <= self._world.last_price <= MOST and self._lot > 0):
            return R_NUMBER
        self.lots = self._wanted(mode)
        if self.lots == 0:
            return C_HOLD
        opens = self.lots > 0
        if not self._write(opens):
            return R_NUMBER
        self._world.now_ns = now_ns if now_ns else <int64_t> bot4_now_ns()
        self._world.share = SHARE[mode]
        self._world.data_age_s = <double> (self._world.now_ns - self._seen_ns) / 1e9
        code = self.checks.pass_all(&self._order, &self._world)
        if code != R_SENT:
            return code
        if not ready:
            return R_RECONCILED
        if fd < 0:
            return R_FAILED
        if self._by_hand and not opens:
            return C_HOLD
        code = self._gate.post(fd, self._request, self._request_length,
                               OPEN if opens else REDUCE, 0, self._wal)
        if code == R_SENT or code == R_UNKNOWN:
            self.checks.count_sent(&self._order, now_ns if now_ns else <int64_t> bot4_now_ns())
        return code

    cdef int64_t _wanted(self, uint64_t mode) noexcept nogil:
        """Return the lots to buy, or to sell when negative: never through zero in one order."""
        cdef double share = SHARE[mode]
        cdef double most = self._order_value * share / (self._world.last_price * self._lot)
        cdef double values[MOST_VALUES]
        cdef uint64_t age_ns = 0
        cdef double quantity
        cdef int64_t held = self._held_lots, target = 0, lots, bound
        cdef int action = 0
        if not (most < MOST_LOTS and self._aim(share, &target)):
            return 0
        if target > held:
            target = max(held, <int64_t> (<double> target * self._factor))
        if target > held and not self.features.gap() > self._least_edge:
            target = held
        if self._decision is not None:
            if self._forecast.look(0, self._forecast_age_ns, values, &age_ns) == 0:
                action = self._decision.decide(values[0], values[1], values[2],
                                               self._world.position, mode)
            if action == A_REDUCE_LONG:
                target = 0
            elif action != A_OPEN_LONG and target > held:
                target = held
        lots, bound = target - held, <int64_t> most
        lots = bound if lots > bound else -bound if lots < -bound else lots
        quantity = fabs(<double> lots) * self._lot
        if quantity < self._least or quantity * self._world.last_price < self._least_value:
            return 0
        return lots

    cdef bint _aim(self, double share, int64_t *target) noexcept nogil:
        """Find the position to want, in lots; False when there is no number for it."""
        cdef double largest = self._most_value / (self._world.last_price * self._lot)
        if not 0 <= largest < MOST_LOTS:
            return False
        target[0] = <int64_t> (self.features.trend() * <double> <int64_t> largest * share)
        return True

    cdef bint _write(self, bint opens) noexcept nogil:
        """Fill in the order, and write it as the venue reads it; False for a price beyond bounds."""
        cdef Order *order = &self._order
        cdef char quantity[NUMBER_BYTES + 1]
        cdef char price[NUMBER_BYTES + 1]
        cdef char name[ID_BYTES]
        cdef int64_t number = self.lots if opens else -self.lots
        cdef int64_t units = 0
        cdef int decimals, length
        self._request_length = 0
        self._serial.last += 1
        decimals = price_units(self._world.last_price, &units)
        if decimals < 0:
            return False
        memcpy(name, self._prefix, self._prefix_length)
        length = snprintf(name + self._prefix_length, ID_BYTES - PREFIX_BYTES, "%llu.%lld",
                          <unsigned long long> self.epoch, <long long> self._serial.last)
        order.id.length = self._prefix_length + length
        # Beyond the id's length the text is zero.
        memcpy(order.id.text, ZEROS, ID_CHARS)
        memcpy(order.id.text, name, order.id.length)
        order.quantity = <double> (number * self._lot_units) / TENS[self._lot_decimals]
        order.price = self._world.last_price
        order.side = 1 if opens else -1
        order.opens = opens
        quantity[put_number(quantity, number * self._lot_units, self._lot_decimals)] = 0
        if opens:
            if self._tick_units:
                units = on_grid(units, decimals, self._tick_units, self._tick_decimals)
                decimals = MOST_DECIMALS
                if units == 0:
                    return False
                while decimals > 1 and units % 10 == 0:
                    units //= 10
                    decimals -= 1
            price[put_number(price, units, decimals)] = 0
        else:
            price[0] = 0
        self._request_length = snprintf(
            self._request, REQUEST_BYTES,
            ENTRY if opens else EXIT, name, quantity, price)
        return True

