// A run loop for the rp2040py chip that steps its PIO blocks cycle by cycle.
//
// rp2040py's own batch loop gives a PIO block one step per CPU instruction (or per idle jump), so a
// state machine at clk_sys loses cycles beside multi-cycle instructions and stands still while the
// CPU sleeps.  This loop drives the same chip object (its address comes from rp2040py) and keeps
// the PIO exact: lazily, up to `lag` cycles behind the CPU, but always caught up before anything
// the PIO can see or be seen by (its registers, SIO GPIO writes, pin changes from outside, the end
// of a run). Stamps are taken from the PIO's own cycle, so laziness does not blur them.
//
// A polling state machine repeats the same few cycles for ever; such stretches are skipped
// arithmetically (see `Skipper`).  Switch it off (`emu_set_skip(e, 0)`) to check it against plain
// stepping.
#include "stepping.hpp"

namespace {

uint32_t window_read(void* ctx, uint32_t offset) {
    Window* w = static_cast<Window*>(ctx);
    catch_up(w->engine);
    touched(w->engine);  // a read may empty a FIFO
    return w->inner.read32(w->inner.ctx, offset);
}
void window_write(void* ctx, uint32_t offset, int64_t value, uint32_t atomic) {
    Window* w = static_cast<Window*>(ctx);
    catch_up(w->engine);
    touched(w->engine);
    w->inner.write32(w->inner.ctx, offset, value, atomic);
}
uint32_t sio_read(void* ctx, uint32_t offset) {
    Window* w = static_cast<Window*>(ctx);
    if (offset == 4) catch_up(w->engine);  // GPIO_IN
    return w->inner.read32(w->inner.ctx, offset);
}
void sio_write(void* ctx, uint32_t offset, int64_t value, uint32_t atomic) {
    Window* w = static_cast<Window*>(ctx);
    if (offset >= 0x10 && offset < 0x30) {  // GPIO_OUT*, GPIO_OE*
        catch_up(w->engine);
        touched(w->engine);
    }
    w->inner.write32(w->inner.ctx, offset, value, atomic);
}

}  // namespace

extern "C" {

// The addresses rp2040py reports for blocks all over the chip object: equal ones prove that this
// library and the extension agree on its layout.
int emu_layout(uintptr_t mcu_address, const uintptr_t* expected, int count) {
    Mcu* m = reinterpret_cast<Mcu*>(mcu_address);
    const uintptr_t mine[] = {
        reinterpret_cast<uintptr_t>(&m->bus),
        reinterpret_cast<uintptr_t>(m->pio_block(0)),
        reinterpret_cast<uintptr_t>(m->pio_block(1)),
        reinterpret_cast<uintptr_t>(&m->clocks()),
        reinterpret_cast<uintptr_t>(&m->pins(0)),
        reinterpret_cast<uintptr_t>(&m->sio()),
        reinterpret_cast<uintptr_t>(&m->watchdog()),
        reinterpret_cast<uintptr_t>(&m->uart(1)),
        reinterpret_cast<uintptr_t>(m->stop_address()),
    };
    const int known = static_cast<int>(sizeof mine / sizeof mine[0]);
    if (count != known) return -1;
    for (int i = 0; i < known; ++i)
        if (mine[i] != expected[i]) return i + 1;
    return 0;
}

void* emu_new(uintptr_t mcu_address, uintptr_t sio_read_fn, uintptr_t sio_write_fn,
              uintptr_t sio_ctx) {
    Engine* e = new (std::nothrow) Engine();
    if (e == nullptr) return nullptr;
    Mcu& m = *reinterpret_cast<Mcu*>(mcu_address);
    e->mcu = &m;
    for (uint32_t pin = 0; pin < 30; ++pin)
        if (!m.pins(0).add_direct_listener(pin, on_pin, e)) {
            delete e;
            return nullptr;
        }
    for (int& level : e->last) level = 2;
    for (int i = 0; i < 2; ++i) e->pio[i] = m.pio_block(i);
    const uint32_t bases[4] = {kPio0Base, kPio1Base, kIoBank0Base, kPadsBank0Base};
    const WindowHandler inner[4] = {m.pio_block(0)->window_handler(),
                                    m.pio_block(1)->window_handler(), m.io(0).window_handler(),
                                    m.pads(0).window_handler()};
    for (int i = 0; i < 4; ++i) {
        e->window[i] = Window{e, inner[i]};
        WindowHandler h;
        h.read32 = window_read;
        h.write32 = window_write;
        h.ctx = &e->window[i];
        m.bus.windows.attach(bases[i], h);
    }
    e->sio_window.engine = e;
    e->sio_window.inner.read32 = reinterpret_cast<Read32Fn>(sio_read_fn);
    e->sio_window.inner.write32 = reinterpret_cast<Write32Fn>(sio_write_fn);
    e->sio_window.inner.ctx = reinterpret_cast<void*>(sio_ctx);
    WindowHandler h;
    h.read32 = sio_read;
    h.write32 = sio_write;
    h.ctx = &e->sio_window;
    m.bus.set_sio(h);
    return e;
}

void emu_free(void* handle) { delete static_cast<Engine*>(handle); }

// Drives a pin from outside (level 0 or 1) or lets it go (2), at the present time.
int emu_set_pin(void* handle, int pin, int level) {
    Engine* e = static_cast<Engine*>(handle);
    if (!catch_up(e)) return -1;
    touched(e);
    PinBank& bank = e->mcu->pins(0);
    const uint32_t i = static_cast<uint32_t>(pin);
    return (level == 2 ? bank.release_input(i) : bank.set_input_value(i, level != 0)) ? 0 : -1;
}

void emu_watch(void* handle, uint32_t mask) { static_cast<Engine*>(handle)->watched = mask; }

// A chip reset changes levels without announcing it: compare and stamp with the time of the reset.
void emu_rescan(void* handle) {
    Engine* e = static_cast<Engine*>(handle);
    for (int pin = 0; pin < 30; ++pin) {
        if (((e->watched >> pin) & 1u) == 0) continue;
        int state = 0;
        if (e->mcu->pins(0).state_code(static_cast<uint32_t>(pin), &state)) put_edge(e, pin, state);
    }
}

int emu_edge(void* handle, Edge* out) {
    Engine* e = static_cast<Engine*>(handle);
    if (e->tail == e->head) return 0;
    *out = e->ring[e->tail++ % kRing];
    return 1;
}

int64_t emu_ticks(void* handle) { return static_cast<Engine*>(handle)->mcu->clock().ticks(); }
void emu_stop(void* handle) { static_cast<Engine*>(handle)->stop = 1; }
void emu_set_skip(void* handle, int on) {
    static_cast<Engine*>(handle)->skipping = on != 0;
    touched(static_cast<Engine*>(handle));
}
void emu_set_lag(void* handle, int64_t cycles) { static_cast<Engine*>(handle)->lag = cycles; }
int emu_sync(void* handle) { return catch_up(static_cast<Engine*>(handle)) ? 0 : -1; }
void emu_counts(void* handle, uint64_t* out) {
    Engine* e = static_cast<Engine*>(handle);
    out[0] = e->instructions;
    out[1] = e->idle_cycles;
    out[2] = e->stepped;
    out[3] = e->skipped;
    out[4] = e->lost;
}

enum { kReached = 0, kEdge = 1, kStopped = 2, kFailed = -1, kCore1 = -2 };

// Runs until the clock is at `target` ticks (or the first instruction boundary after it), a watched
// pin moved, or a stop was asked for.
int emu_run(void* handle, int64_t target) {
    Engine* e = static_cast<Engine*>(handle);
    Mcu& m = *e->mcu;
    Clock& clock = m.clock();
    e->stop = 0;
    double hz = 0;
    bool whole = true;
    int64_t cycle_ticks = 128;
    while (true) {
        if (hz != m.clocks().clk_sys()) {
            if (!catch_up(e)) return kFailed;
            hz = m.clocks().clk_sys();
            e->cycle_ticks = 1e9 / hz * static_cast<double>(kTicksPerNano);
            cycle_ticks = static_cast<int64_t>(e->cycle_ticks);
            whole = e->cycle_ticks == std::floor(e->cycle_ticks);
        }
        const int64_t now = clock.ticks();
        if (now >= target || e->stop || e->edge_stop || e->fault) break;
        if (m.core1_running()) return kCore1;
        if (m.cpu.waiting) {
            if (!catch_up(e)) return kFailed;
            if (e->edge_stop) break;
            // Asleep until the next alarm: nothing but the PIO moves, so it may run ahead of the
            // clock, and an edge ends the stretch.
            int64_t jump = target - now;
            if (clock.has_alarm() && clock.ticks_to_next_alarm() < jump)
                jump = clock.ticks_to_next_alarm();
            // (PIO1's edges do not end a stretch, so with it running the stretches are short.)
            constexpr int64_t kStretch = 1000 * kTicksPerNano * 20;
            if (!e->pio[1]->stopped && jump > kStretch) jump = kStretch;
            const int64_t cycles =
                static_cast<int64_t>((static_cast<double>(jump) + e->carry) / e->cycle_ticks);
            if (!e->pio[0]->stopped || !e->pio[1]->stopped) {
                const int64_t done =
                    run_blocks(e, cycles, now - static_cast<int64_t>(e->carry), true);
                if (done < 0) return kFailed;
                if (done < cycles)
                    jump = static_cast<int64_t>(
                        std::ceil(static_cast<double>(done) * e->cycle_ticks - e->carry));
            }
            const int64_t covered =
                static_cast<int64_t>((static_cast<double>(jump) + e->carry) / e->cycle_ticks);
            e->carry += static_cast<double>(jump) - static_cast<double>(covered) * e->cycle_ticks;
            e->idle_cycles += static_cast<uint64_t>(covered);
            if (!clock.tick_ticks(jump)) return kFailed;
            continue;
        }
        const int cycles = m.cpu.execute();
        if (cycles < 0) return kFailed;
        ++e->instructions;
        e->behind += cycles;
        if (whole) {
            if (!clock.tick_ticks(cycles * cycle_ticks)) return kFailed;
        } else if (!clock.advance_cycles(cycles, e->cycle_ticks)) {
            return kFailed;
        }
        if (e->behind >= e->lag && !catch_up(e)) return kFailed;
    }
    if (!catch_up(e) || e->fault) return kFailed;
    if (e->edge_stop) {
        e->edge_stop = 0;
        return kEdge;
    }
    return e->stop ? kStopped : kReached;
}

}  // extern "C"
