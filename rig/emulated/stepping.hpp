// Steps the PIO blocks over a stretch of time, and keeps the two of them in step with each other.
#pragma once

#include "loops.hpp"

namespace {

// Runs one block for `cycles`; with `until_edge` it ends early at a watched pin's change.  Returns
// the cycles run, or -1.
int64_t run_block(Engine* e, int index, int64_t cycles, int64_t start_ticks, bool until_edge) {
    PioBlock& b = *e->pio[index];
    Skipper& s = e->skip[index];
    const int64_t start_fp = b.cycle_fp, end_fp = start_fp + cycles * kFp;
    e->base_ticks[index] = start_ticks;
    e->base_fp[index] = start_fp;
    const int outer = e->active;
    e->active = index;
    bool good = true;
    while (good && b.cycle_fp < end_fp && !(until_edge && e->edge_stop)) {
        if (b.next_due_fp >
            end_fp) {  // nothing is due any more (all machines wait): just let time pass
            good = b.advance((end_fp - b.cycle_fp) / kFp);
            break;
        }
        if (s.known) {
            int64_t periods = (end_fp - b.cycle_fp) / (s.period * kFp);
            for (uint32_t i = 0; i < kPioMachines && periods > 0; ++i) {
                const PioMachine& m = b.machines[i];
                if (!m.enabled || m.waiting) continue;
                const int64_t rooms[] = {room(m.x, s.delta[i].x), room(m.y, s.delta[i].y),
                                         room(m.input_shift_reg, s.delta[i].isr),
                                         room(m.output_shift_reg, s.delta[i].osr)};
                for (const int64_t r : rooms)
                    if (r < periods) periods = r;
            }
            if (periods > 0) {
                e->skipped += static_cast<uint64_t>(periods * s.period);
                leap(b, s, periods);
                continue;
            }
            if ((end_fp - b.cycle_fp) / kFp >= s.period)
                s.known = false;  // near a zero: step from here
            const uint32_t values = b.pin_values, directions = b.pin_directions;
            good = hop(e, b, end_fp);
            if (b.pin_values != values || b.pin_directions != directions) s.known = false;
        } else if (e->skipping && (end_fp - b.cycle_fp) / kFp >= 24) {
            good = find_loop(e, b, s, end_fp, until_edge);
        } else {
            good = hop(e, b, end_fp);
        }
    }
    e->active = outer;
    if (good) return (b.cycle_fp - start_fp) / kFp;
    e->fault = true;
    return -1;
}

// Both blocks over the same stretch; with `until_edge` PIO0 may end it early.  PIO0 goes first;
// whenever it is about to move a pin, PIO1 is brought up to the cycle before (`on_pin`), so PIO1
// sees PIO0's pins in time. The other direction is not kept: a program in PIO0 must not read a pin
// that PIO1 drives.
int64_t run_blocks(Engine* e, int64_t cycles, int64_t start_ticks, bool until_edge) {
    const bool second = !e->pio[1]->stopped;
    e->base_ticks[1] = start_ticks;
    e->base_fp[1] = e->pio[1]->cycle_fp;
    e->owed = second ? cycles : 0;
    if (!e->pio[0]->stopped) {
        const int64_t done = run_block(e, 0, cycles, start_ticks, until_edge);
        if (done < 0) return -1;
        e->owed -= second ? cycles - done : 0;
        cycles = done;
    }
    if (e->owed > 0) {
        const int64_t ran = (e->pio[1]->cycle_fp - e->base_fp[1]) / kFp;
        const int64_t resume =
            start_ticks + static_cast<int64_t>(static_cast<double>(ran) * e->cycle_ticks);
        const int64_t left = e->owed;
        e->owed = 0;
        if (run_block(e, 1, left, resume, false) < 0) return -1;
    }
    return cycles;
}

bool on_pin(void* ctx, uint32_t pin, int now, int before) {
    Engine* e = static_cast<Engine*>(ctx);
    if (e->active == 0 && e->owed > 0) {
        // PIO0 is at the cycle of this change: PIO1 runs to the one before it, with the pin still
        // at its old level.
        const int64_t at = (e->pio[0]->cycle_fp - e->base_fp[0]) / kFp;
        const int64_t ran = (e->pio[1]->cycle_fp - e->base_fp[1]) / kFp;
        const int64_t due = at - 1 - ran;
        if (due > 0) {
            const int64_t origin_ticks = e->base_ticks[0], origin_fp = e->base_fp[1];
            Pin& state = e->mcu->pins(0).pin(pin);
            state.last_state = before;
            const int64_t done = run_block(
                e, 1, due,
                origin_ticks + static_cast<int64_t>(static_cast<double>(ran) * e->cycle_ticks),
                false);
            state.last_state = now;
            e->base_fp[1] = origin_fp;
            if (done < 0) return false;
            e->owed -= due;
        }
        e->skip[1].known = false;
    }
    if ((e->watched >> pin) & 1u) put_edge(e, static_cast<int>(pin), now);
    return true;
}

// Brings the PIO to the CPU's time.
bool catch_up(Engine* e) {
    const int64_t cycles = e->behind;
    if (cycles <= 0 || e->active >= 0) return true;
    e->behind = 0;
    const int64_t start =
        e->mcu->clock().ticks() -
        static_cast<int64_t>(static_cast<double>(cycles) * e->cycle_ticks + e->carry);
    return run_blocks(e, cycles, start, false) >= 0;
}

void touched(Engine* e) {
    for (Skipper& s : e->skip) s.known = false;
}

}  // namespace
