"""(d), (f): how many messages, orders and executions. A cancel is counted and never refused."""

from host import refusals
from host.engine.checks.limits import Limits, number
from host.engine.checks.windows import Count

DAY_S = 86_400.0


class Rate:
    """Rolling counts. New orders may use the message budget down to the reserve for cancels."""

    def __init__(self, limits: Limits) -> None:
        self._most_messages = number(limits.max_messages_per_s) - limits.cancel_reserve_per_s
        self._most_orders = number(limits.max_orders_per_day)
        self._most_executions = number(limits.max_executions)
        self._messages = Count(1.0)
        self._orders = Count(DAY_S)
        self._executions = Count(limits.execution_window_s)
        self.repeated = False

    def message(self, now_ns: int) -> None:
        """Count a message of any kind that has left."""
        self._messages.add(now_ns)

    def order(self, now_ns: int) -> None:
        """Count an order that has left; its message is counted with it."""
        self._messages.add(now_ns)
        self._orders.add(now_ns)

    def executed(self, now_ns: int) -> None:
        """Count an execution; too many latch, until a person has re-armed."""
        self._executions.add(now_ns)
        if self._executions.within(now_ns) > self._most_executions:
            self.repeated = True

    def rearmed(self) -> None:
        """A person has looked: begin the execution count anew."""
        self.repeated = False
        self._executions.clear()

    def check(self, opens: bool, now_ns: int) -> int:
        """Return a code of host.refusals."""
        if self._messages.within(now_ns) + 1 > self._most_messages:
            return refusals.MESSAGE_RATE
        if not opens:
            return refusals.SENT
        if self._orders.within(now_ns) + 1 > self._most_orders:
            return refusals.ORDERS_PER_DAY
        return refusals.REPEATED_EXECUTION if self.repeated else refusals.SENT
