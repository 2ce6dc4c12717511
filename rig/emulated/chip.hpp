// The state of the run loop: the chip, how far its PIO has been stepped, and the edges it made.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <new>

#include "mcu.hpp"

using namespace rp2040core;

namespace {

constexpr int64_t kFp = 256;    // the PIO counts clk_sys in 1/256 cycles
constexpr int kMaxPeriod = 64;  // longest loop, in cycles, the skipper looks for
constexpr uint32_t kRing = 4096;

struct Edge {
    int64_t ticks;  // 1/16 ns
    int32_t pin;
    int32_t level;  // 0 low, 1 high, 2 not driven by the chip
};

struct Regs {  // the parts of a machine a loop may change
    uint32_t x, y, isr, osr;
};

struct Shape {  // (compared as bytes: no padding)
    // everything else that has to come back for a stretch to count as a loop
    uint32_t pc, isr_count, osr_count, waiting, wait_type, wait_index, tx_used, rx_used, rx_start,
        tx_start, enabled, irq_level;
    int64_t due;  // relative to the block's time
};

struct Engine;

struct Window {  // our handler in front of a block's own
    Engine* engine;
    WindowHandler inner;
};

struct Skipper {
    bool known = false;        // a loop is established and nothing has touched the block since
    int64_t period = 0;        // cycles
    Regs delta[kPioMachines];  // per period, modulo 2^32
    bool linear_ok =
        false;  // no instruction depends on the value of a counting register except X-- / Y--
    bool xy_ok = false;
};

struct Engine {
    Mcu* mcu = nullptr;
    PioBlock* pio[2] = {nullptr, nullptr};
    Skipper skip[2];
    Window window[4];  // PIO0, PIO1, IO_BANK0, PADS_BANK0
    Window sio_window;
    int64_t behind = 0;  // cycles the PIO is behind the CPU
    int64_t lag = 256;
    double carry = 0;  // time, in ticks, that has passed but is not yet a whole PIO cycle
    int active = -1;   // the block being stepped (its changes are stamped with its own time), or -1
    int64_t base_ticks[2] = {0, 0}, base_fp[2] = {0, 0}, stamp[2] = {0, 0};
    int64_t owed = 0;  // cycles of the present stretch PIO1 has not run yet
    uint32_t watched = 0;
    bool skipping = true;
    bool fault = false;
    volatile uint8_t stop = 0;
    volatile uint8_t edge_stop = 0;
    Edge ring[kRing];
    uint32_t head = 0, tail = 0, lost = 0;
    int32_t last[30];
    uint64_t stepped = 0, skipped = 0, instructions = 0, idle_cycles = 0;
    double cycle_ticks = 128.0;
};

int level_of(int state) { return state == kPinHigh ? 1 : state == kPinLow ? 0 : 2; }

void put_edge(Engine* e, int pin, int state) {
    const int level = level_of(state);
    if (e->last[pin] == level) return;
    e->last[pin] = level;
    if (e->head - e->tail >= kRing) {
        ++e->lost;
        return;
    }
    Edge& slot = e->ring[e->head++ % kRing];
    slot.ticks = e->active >= 0 ? e->stamp[e->active] : e->mcu->clock().ticks();
    slot.pin = pin;
    slot.level = level;
    e->edge_stop = 1;
}

}  // namespace
