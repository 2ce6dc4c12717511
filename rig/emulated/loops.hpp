// Finds the loop that polling state machines repeat for ever, so that it can be skipped
// arithmetically.
//
// Two equal periods in a row, no pin or interrupt moved, everything back but linearly counting
// registers: then whole periods may be leapt over, as long as no counter comes near the zero that
// its jump tests for. `emu_set_skip(e, 0)` switches it off, to check it against plain stepping.
#pragma once

#include "chip.hpp"

namespace {

bool on_pin(void* ctx, uint32_t pin, int now, int before);

void take(const PioBlock& b, Shape* shape, Regs* regs) {
    for (uint32_t i = 0; i < kPioMachines; ++i) {
        const PioMachine& m = b.machines[i];
        const bool runs = m.enabled && !m.waiting;
        shape[i] = Shape{m.pc,
                         m.input_shift_count,
                         m.output_shift_count,
                         m.waiting,
                         m.wait_type,
                         m.wait_index,
                         m.tx.used,
                         m.rx.used,
                         m.rx.start,
                         m.tx.start,
                         m.enabled,
                         b.irq,
                         runs ? m.next_due_fp - b.cycle_fp : 0};
        regs[i] = Regs{m.x, m.y, m.input_shift_reg, m.output_shift_reg};
    }
}

static_assert(sizeof(Shape) == 12 * sizeof(uint32_t) + sizeof(int64_t),
              "padding would be compared");

bool same_shape(const Shape* a, const Shape* b) {
    for (uint32_t i = 0; i < kPioMachines; ++i)
        if (std::memcmp(&a[i], &b[i], sizeof(Shape)) != 0) return false;
    return true;
}

// Which instructions are loaded: may counting registers be extrapolated?
void survey(const PioBlock& b, Skipper& s) {
    bool linear = true, xy = false;
    for (uint32_t i = 0; i < 32; ++i) {
        const uint32_t op = b.instructions[i], kind = op >> 13;
        if (kind == 0 && ((op >> 5) & 7u) == 5u) xy = true;  // JMP X!=Y
        if (kind == 3) linear = false;                       // OUT: bits of a register
        if (kind == 2) {                                     // IN
            const uint32_t source = (op >> 5) & 7u;
            if (source == 1 || source == 2 || source >= 6) linear = false;
        }
        if (kind == 5 && ((op >> 3) & 3u) >= 2u) linear = false;  // MOV with bit reverse
        if (kind == 5 && (((op >> 5) & 7u) == 0 || ((op >> 5) & 7u) == 4 || ((op >> 5) & 7u) == 5))
            linear = false;  // MOV to PINS, EXEC, PC
    }
    s.linear_ok = linear;
    s.xy_ok = !xy;
}

bool moves(const Regs* d) {
    for (uint32_t i = 0; i < kPioMachines; ++i)
        if (d[i].x | d[i].y | d[i].isr | d[i].osr) return true;
    return false;
}

// How many periods a counting register may run before it comes near the zero its jump tests for.
int64_t room(uint32_t value, uint32_t delta) {
    const int32_t step = static_cast<int32_t>(delta);
    if (step == 0) return INT64_MAX;
    const int64_t magnitude = step < 0 ? -static_cast<int64_t>(step) : step;
    const int64_t distance =
        step < 0 ? static_cast<int64_t>(value) : (int64_t{1} << 32) - static_cast<int64_t>(value);
    return distance / magnitude - 2;
}

void leap(PioBlock& b, const Skipper& s, int64_t periods) {
    const int64_t fp = periods * s.period * kFp;
    b.cycle_fp += fp;
    for (uint32_t i = 0; i < kPioMachines; ++i) {
        PioMachine& m = b.machines[i];
        if (!m.enabled || m.waiting) continue;
        const uint32_t n = static_cast<uint32_t>(periods);
        m.x += n * s.delta[i].x;
        m.y += n * s.delta[i].y;
        m.input_shift_reg += n * s.delta[i].isr;
        m.output_shift_reg += n * s.delta[i].osr;
        m.next_due_fp += fp;
        m.cycles += periods * s.period;
    }
    if (b.resolve_due_fp != kPioNeverDue) b.resolve_due_fp += fp;
    b.recompute_due();
}

// One hop of the block's time: to the next due cycle, or to `end`.  The clock is not touched.
bool hop(Engine* e, PioBlock& b, int64_t end_fp) {
    int64_t cycles = (b.next_due_fp - b.cycle_fp + kFp - 1) / kFp;
    if (cycles < 1) cycles = 1;
    const int64_t left = (end_fp - b.cycle_fp) / kFp;
    if (cycles > left) cycles = left;
    const int i = static_cast<int>(b.index());
    e->stamp[i] =
        e->base_ticks[i] +
        static_cast<int64_t>(static_cast<double>((b.cycle_fp - e->base_fp[i]) / kFp + cycles) *
                             e->cycle_ticks);
    ++e->stepped;
    return b.advance(cycles);
}

// Looks for a loop by stepping: two equal periods in a row, no pin or interrupt moved.
bool find_loop(Engine* e, PioBlock& b, Skipper& s, int64_t end_fp, bool until_edge) {
    Shape first[kPioMachines], now[kPioMachines];
    Regs first_regs[kPioMachines], now_regs[kPioMachines], previous[kPioMachines];
    take(b, first, first_regs);
    const int64_t start = b.cycle_fp;
    const uint32_t values = b.pin_values, directions = b.pin_directions, irq = b.irq;
    int64_t mark = start, period = 0;
    std::memcpy(previous, first_regs, sizeof previous);
    Regs delta[kPioMachines];
    while (b.cycle_fp < end_fp && b.cycle_fp - start < 3 * kMaxPeriod * kFp) {
        if (!hop(e, b, end_fp)) return false;
        if (until_edge && e->edge_stop) return true;
        if (b.pin_values != values || b.pin_directions != directions || b.irq != irq) return true;
        take(b, now, now_regs);
        if (!same_shape(first, now)) continue;
        const int64_t length = (b.cycle_fp - mark) / kFp;
        if ((b.cycle_fp - mark) % kFp != 0 || length > kMaxPeriod) return true;
        Regs d[kPioMachines];
        for (uint32_t i = 0; i < kPioMachines; ++i)
            d[i] = Regs{now_regs[i].x - previous[i].x, now_regs[i].y - previous[i].y,
                        now_regs[i].isr - previous[i].isr, now_regs[i].osr - previous[i].osr};
        if (period != 0) {
            if (length != period || std::memcmp(d, delta, sizeof d) != 0) {
                period = length;
                std::memcpy(delta, d, sizeof d);
            } else {
                survey(b, s);
                if (moves(d) && !(s.linear_ok && s.xy_ok)) return true;
                s.period = period;
                std::memcpy(s.delta, d, sizeof d);
                s.known = true;
                return true;
            }
        } else {
            period = length;
            std::memcpy(delta, d, sizeof d);
        }
        mark = b.cycle_fp;
        std::memcpy(previous, now_regs, sizeof previous);
    }
    return true;
}

}  // namespace
