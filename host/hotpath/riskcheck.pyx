# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""All pre-trade checks that need no I/O, compiled: the twin of host.engine.checks, which explains them.

Nothing here allocates, and nothing on the way of a check is a Python object. Values are IEEE doubles
and computed in the same order as in the twin, so that both answer alike to the last bit (-std=c11
joins no product and sum into one rounding).
"""

from libc.float cimport DBL_MIN
from libc.math cimport INFINITY, fabs, signbit
from libc.stdint cimport int64_t

from host.hotpath.riskmemory cimport (ID_CHARS, NAME_CHARS, REMEMBERED, Name, Order, memory_add,
                                      memory_alike, memory_knows, same_name)
from host.hotpath.riskorder cimport Facts, Proposal, World, real, text, whole
from host.hotpath.riskwindow cimport (PARTS, Window, average_add, average_mean, count_add,
                                      count_within, highest_add, window_clear, window_set)

from host import refusals
from host.engine.checks import identity, windows
from host.engine.checks import limits as rails
from host.engine.checks import order as bounds
from host.engine.checks.rate import DAY_S

if (REMEMBERED, PARTS, ID_CHARS, NAME_CHARS, MOST_NAMES) != (
        identity.REMEMBERED, windows.BUCKETS, bounds.ID_CHARS, bounds.NAME_CHARS, rails.MOST_NAMES):
    raise ImportError("riskcheck was compiled for other sizes than host.engine.checks: build it anew")

# The tables are Python; the hot path reads C copies of them, made once at import.
cdef double LEAST = bounds.LEAST
cdef double MOST = bounds.MOST
cdef int64_t MOST_OPEN_ORDERS = bounds.MOST_OPEN_ORDERS
cdef int64_t MOST_NS = bounds.MOST_NS
cdef int R_SENT = refusals.SENT
cdef int R_POSITION = refusals.POSITION_LIMIT
cdef int R_ORDER_VALUE = refusals.ORDER_VALUE_LIMIT
cdef int R_OPEN_ORDERS = refusals.OPEN_ORDERS_LIMIT
cdef int R_COLLAR = refusals.PRICE_COLLAR
cdef int R_NUMBER = refusals.BAD_NUMBER
cdef int R_STALE = refusals.STALE_DATA
cdef int R_QUANTITY = refusals.ORDER_QUANTITY_LIMIT
cdef int R_WINDOW = refusals.PRICE_WINDOW
cdef int R_MESSAGES = refusals.MESSAGE_RATE
cdef int R_ORDERS = refusals.ORDERS_PER_DAY
cdef int R_REPEATED = refusals.REPEATED_EXECUTION
cdef int R_STRATEGY = refusals.STRATEGY_CAPITAL
cdef int R_ACCOUNT = refusals.ACCOUNT_CAPITAL
cdef int R_OPEN_VALUE = refusals.OPEN_VALUE_LIMIT
cdef int R_DUPLICATE = refusals.DUPLICATE_ORDER
cdef int R_RESTRICTED = refusals.RESTRICTED_INSTRUMENT
cdef int R_AUTHORISED = refusals.NOT_AUTHORISED
cdef int R_LOSS = refusals.LOSS_LIMIT
cdef int R_INCREASE = refusals.REDUCE_WOULD_INCREASE
cdef int R_NAME = refusals.BAD_NAME
cdef int R_FORECAST = refusals.FORECAST_STALE
cdef int R_VAR = refusals.VAR_LIMIT
cdef int R_CVAR = refusals.CVAR_LIMIT
cdef int R_EXPOSURE = refusals.EXPOSURE_LIMIT
cdef int R_DRAWDOWN = refusals.DRAWDOWN_LIMIT


cdef class RiskCheck:
    """One strategy's checks at one venue, from its host.engine.checks.limits.Limits."""

    def __cinit__(self, limits):
        cdef Rails *rail = &self._rails
        rail.order_value = rails.number(limits.max_order_value_quote)
        rail.order_quantity = rails.number(limits.max_order_quantity_base)
        rail.position = rails.number(limits.max_position_value_quote)
        rail.open_orders = rails.number(limits.max_open_orders)
        rail.open_value = rails.number(limits.max_open_value_quote)
        rail.strategy = rails.number(limits.max_strategy_value_quote)
        rail.account = rails.number(limits.max_account_value_quote)
        rail.loss = rails.number(limits.max_loss_quote)
        rail.collar = rails.number(limits.price_collar_share)
        rail.price_window = rails.number(limits.price_window_share)
        rail.messages = rails.number(limits.max_messages_per_s) - limits.cancel_reserve_per_s
        rail.orders = rails.number(limits.max_orders_per_day)
        rail.executions = rails.number(limits.max_executions)
        rail.data_age_s = rails.number(limits.max_data_age_s)
        rail.var = rails.number(limits.max_var_share)
        rail.cvar = rails.number(limits.max_cvar_share)
        rail.exposure = rails.number(limits.max_exposure_share)
        rail.drawdown = rails.number(limits.max_drawdown_share)
        rail.forecast_age_s = rails.number(limits.max_forecast_age_s)
        self._peak = -INFINITY
        window = limits.duplicate_window_s
        rail.duplicate_ns = 0 if isinstance(window, str) else rails.nanoseconds(window)
        fill(&self._restricted, limits.restricted_instruments, False)
        fill(&self._authorised, limits.authorised_strategies, True)
        window_set(&self._prices, rails.nanoseconds(limits.price_window_s))
        window_set(&self._equity, rails.nanoseconds(limits.loss_window_s))
        window_set(&self._messages, rails.nanoseconds(1.0))
        window_set(&self._orders, rails.nanoseconds(DAY_S))
        window_set(&self._executions, rails.nanoseconds(limits.execution_window_s))

    @property
    def lost(self):
        """True since the loss or the drawdown was above its limit, until a person has re-armed."""
        return self._lost or self._drawn

    @property
    def repeated(self):
        """True since there were too many executions, until a person has re-armed."""
        return self._repeated

    def seen(self, price, equity, now_ns):
        """Take one price of the feed and the equity at it."""
        self.look(real(price), real(equity), whole(now_ns))

    cdef void look(self, double paid, double worth, int64_t now_ns) noexcept nogil:
        cdef int64_t now = self.tick(now_ns)
        if LEAST <= paid <= MOST:
            average_add(&self._prices, paid, now)
        else:
            window_clear(&self._prices)
        if not fabs(worth) <= MOST:
            self._lost = True
            return
        if not highest_add(&self._equity, worth, now) - worth <= self._rails.loss:
            self._lost = True
        self._peak = larger(self._peak, worth)
        if (self._rails.drawdown < INFINITY
                and not self._peak - worth <= self._rails.drawdown * self._peak):
            self._drawn = True

    def check(self, Proposal order not None, Facts facts not None):
        """Return refusals.SENT when the order may go on to the gate, else the first code that hits."""
        return self.pass_all(&order.order, &facts.world)

    def sent(self, Proposal order not None, now_ns):
        """Count an order that has left: before anything else can be proposed."""
        self.count_sent(&order.order, whole(now_ns))

    def room(self, now_ns):
        """Return refusals.SENT while one more message that reduces may leave, else MESSAGE_RATE."""
        return self._rate(False, self.tick(whole(now_ns)))

    def message(self, now_ns):
        """Count any other message that has left."""
        count_add(&self._messages, self.tick(whole(now_ns)))

    def executed(self, now_ns):
        """Count an execution; too many latch, until a person has re-armed."""
        cdef int64_t now = self.tick(whole(now_ns))
        count_add(&self._executions, now)
        if <double> count_within(&self._executions, now) > self._rails.executions:
            self._repeated = True

    def rearmed(self):
        """A person has re-armed: what latched is released."""
        self._repeated = self._lost = self._drawn = False
        self._peak = -INFINITY
        window_clear(&self._executions)
        window_clear(&self._equity)

    cdef int64_t tick(self, int64_t now_ns) noexcept nogil:
        """Return the time to count at: never before what was counted already."""
        if now_ns > MOST_NS:
            now_ns = MOST_NS
        if now_ns > self._latest_ns:
            self._latest_ns = now_ns
        return self._latest_ns

    cdef void count_sent(self, const Order *order, int64_t now_ns) noexcept nogil:
        now_ns = self.tick(now_ns)
        count_add(&self._messages, now_ns)
        count_add(&self._orders, now_ns)
        memory_add(&self._sent, order, now_ns)

    cdef int pass_all(self, const Order *order, const World *world) noexcept nogil:
        cdef int code
        if not (self._latest_ns <= world.now_ns <= MOST_NS):
            return R_NUMBER
        self._latest_ns = world.now_ns
        if not (order_usable(order) and world_usable(world)):
            return R_NUMBER
        if not (order.id.length and order.strategy.length and order.instrument.length):
            return R_NAME
        code = self._identity(order, world.now_ns)
        if code == R_SENT:
            code = self._price(order, world)
        if code == R_SENT:
            code = self._rate(order.opens, world.now_ns)
        if code != R_SENT:
            return code
        if not order.opens:
            return R_SENT if order.quantity <= -order.side * world.position else R_INCREASE
        code = self._size(order, world)
        if code == R_SENT:
            code = self._risk(order, world)
        if code == R_SENT and self._lost:
            code = R_LOSS
        if code == R_SENT and self._drawn:
            code = R_DRAWDOWN
        return code

    cdef int _identity(self, const Order *order, int64_t now_ns) noexcept nogil:
        if not among(&self._authorised, &order.strategy):
            return R_AUTHORISED
        if among(&self._restricted, &order.instrument):
            return R_RESTRICTED
        if memory_knows(&self._sent, &order.id):
            return R_DUPLICATE
        if memory_alike(&self._sent, order, now_ns, self._rails.duplicate_ns):
            return R_DUPLICATE
        return R_SENT

    cdef int _price(self, const Order *order, const World *world) noexcept nogil:
        cdef double mean
        if not (0 <= world.data_age_s <= self._rails.data_age_s):
            return R_STALE
        if not fabs(order.price / world.last_price - 1) <= self._rails.collar:
            return R_COLLAR
        mean = average_mean(&self._prices, world.now_ns)
        if mean == 0 or not fabs(order.price / mean - 1) <= self._rails.price_window:
            return R_WINDOW
        return R_SENT

    cdef int _rate(self, bint opens, int64_t now_ns) noexcept nogil:
        if <double> (count_within(&self._messages, now_ns) + 1) > self._rails.messages:
            return R_MESSAGES
        if not opens:
            return R_SENT
        if <double> (count_within(&self._orders, now_ns) + 1) > self._rails.orders:
            return R_ORDERS
        return R_REPEATED if self._repeated else R_SENT

    cdef int _size(self, const Order *order, const World *world) noexcept nogil:
        cdef Rails *most = &self._rails
        cdef double share = world.share, price = larger(order.price, world.last_price)
        cdef double used
        if not order.quantity * order.price <= most.order_value * share:
            return R_ORDER_VALUE
        if not order.quantity <= most.order_quantity * share:
            return R_QUANTITY
        if not <double> (world.open_orders + 1) <= most.open_orders * share:
            return R_OPEN_ORDERS
        if not (world.open_buy + world.open_sell + order.quantity) * price <= most.open_value * share:
            return R_OPEN_VALUE
        used = self._worst(order, world) * price
        if not used <= most.position * share:
            return R_POSITION
        if not used <= most.strategy * share:
            return R_STRATEGY
        if not used + world.others_value <= most.account * share:
            return R_ACCOUNT
        return R_SENT

    cdef int _risk(self, const Order *order, const World *world) noexcept nogil:
        cdef Rails *most = &self._rails
        cdef double used = self._worst(order, world) * larger(order.price, world.last_price)
        cdef double room = world.share * world.equity
        if not within(used + world.others_value, most.exposure, room):
            return R_EXPOSURE
        if most.var == INFINITY and most.cvar == INFINITY:
            return R_SENT
        if not (0 <= world.forecast_age_s <= most.forecast_age_s
                and 0 < world.var_share <= world.cvar_share):
            return R_FORECAST
        if not within(used * world.var_share + world.others_var, most.var, room):
            return R_VAR
        if not within(used * world.cvar_share + world.others_cvar, most.cvar, room):
            return R_CVAR
        return R_SENT

    cdef double _worst(self, const Order *order, const World *world) noexcept nogil:
        """The largest position that can come of it if entries fill."""
        cdef double buys = world.open_buy + (order.quantity if order.side > 0 else 0.0)
        cdef double sells = world.open_sell + (order.quantity if order.side < 0 else 0.0)
        cdef double used = larger(fabs(world.position + buys), fabs(world.position - sells))
        return larger(used, fabs(world.position))


cdef inline double larger(double one, double other) noexcept nogil:
    return one if one > other else other


cdef inline bint within(double amount, double share, double room) noexcept nogil:
    """True when an amount is within a share of the room; one that is loosened has no end."""
    return share == INFINITY or amount <= share * room


cdef inline bint plain(double number) noexcept nogil:
    """True for 0.0 and for what is neither NaN, infinite, over-large, denormal nor -0.0."""
    return DBL_MIN <= fabs(number) <= MOST or (number == 0 and not signbit(number))


cdef inline bint order_usable(const Order *order) noexcept nogil:
    return LEAST <= order.quantity <= MOST and LEAST <= order.price <= MOST and order.side != 0


cdef inline bint world_usable(const World *world) noexcept nogil:
    return (plain(world.share) and plain(world.data_age_s) and plain(world.position)
            and plain(world.equity) and plain(world.open_buy) and plain(world.open_sell)
            and plain(world.others_value) and plain(world.var_share) and plain(world.cvar_share)
            and plain(world.forecast_age_s) and plain(world.others_var) and plain(world.others_cvar)
            and world.var_share >= 0 and world.cvar_share >= 0
            and world.others_var >= 0 and world.others_cvar >= 0
            and 0 < world.share <= 1 and LEAST <= world.last_price <= MOST
            and world.open_buy >= 0 and world.open_sell >= 0 and world.others_value >= 0
            and 0 <= world.open_orders <= MOST_OPEN_ORDERS)


cdef inline bint among(const Names *names, const Name *name) noexcept nogil:
    cdef int number
    if names.any:
        return True
    for number in range(names.count):
        if same_name(&names.name[number], name):
            return True
    return False


cdef int fill(Names *names, wanted, bint loosened) except -1:
    """Take a list of names over. One that is loosened holds `loosened`: every name, or none."""
    names.count = 0
    names.any = loosened and isinstance(wanted, str)
    if isinstance(wanted, str):
        return 0
    if len(wanted) > MOST_NAMES:
        raise ValueError(f"{len(wanted)} names, at most {MOST_NAMES} fit")
    for name in wanted:
        names.name[names.count].length = text(name, names.name[names.count].text, NAME_CHARS)
        names.count += 1
    return 0
