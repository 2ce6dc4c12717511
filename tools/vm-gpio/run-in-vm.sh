#!/bin/bash
# Run one command against a real Linux GPIO character device, with no Raspberry Pi attached:
# boot Debian's kernel in QEMU with gpio-sim loaded.
#
#   run-in-vm.sh COMMAND [ARG...]     exit status: the command's own; 124 out of time, 125 no answer
#   run-in-vm.sh --ready              only fetch and build what is missing; 1 and one line: cannot be
#
# The guest sees this machine's root file system, at the same paths and in the caller's folder. What
# it writes is in its memory and gone at power-off. The chip that stands for the Pi's header is
# $VM_GPIO_CHIP, with lines GPIO0 to GPIO27; $VM_GPIO_SYSFS/sim_gpioN/pull drives a line ("pull-up",
# "pull-down"), and .../value reads it.
#
# From the environment, all optional:
#   VM_CACHE        kernel and initramfs                             (~/.cache/bot4/vm-gpio)
#   VM_CLOCK        real, or counted: one CPU, whose time is 2 ns for each instruction executed and
#                   jumps ahead when it idles, so that what is measured does not depend on the speed
#                   and load of this machine                         (real)
#   VM_TIMEOUT      seconds                                          (600)
#   VM_CHIP_LABEL   label of the header's chip                       (pinctrl-bcm2711)
#   VM_PI_REVISION  revision that /proc/cpuinfo claims, or nothing   (c03112, a Pi 4B)
#   VM_ENV          names of further variables that the command gets
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
cache=${VM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/bot4/vm-gpio}
limit=${VM_TIMEOUT:-600}
clock=${VM_CLOCK:-real}

[ $# -gt 0 ] || { echo "run-in-vm: no command given" >&2; exit 125; }
"$here/prepare.sh" "$cache" || exit 1
[ "$1" != --ready ] || exit 0

room=$(mktemp -d "${TMPDIR:-/tmp}/run-in-vm.XXXXXX")
started=()
finish() {
    local pid
    for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
    rm -rf "$room"
}
trap finish EXIT
trap 'exit 130' INT TERM

mkdir "$room/share"
printf 'PI_REVISION=%q\nCHIP_LABEL=%q\n' \
    "${VM_PI_REVISION-c03112}" "${VM_CHIP_LABEL:-pinctrl-bcm2711}" >"$room/share/settings"
{
    echo '. /run/vm-env'
    for name in PATH HOME LANG VIRTUAL_ENV PYTHONPATH ${VM_ENV:-}; do
        [ -z "${!name+set}" ] || printf 'export %s=%q\n' "$name" "${!name}"
    done
    printf 'export VM_CLOCK=%q\ncd %q || exit 125\nexec' "$clock" "$PWD"
    printf ' %q' "$@"
    echo
} >"$room/share/command"

machine=(-accel 'tcg,thread=multi' -smp 2)
if [ "$clock" = counted ]; then
    # One CPU: with two, this kernel stops at "Booting SMP configuration".
    machine=(-accel 'tcg,thread=single' -smp 1 -icount 'shift=1,sleep=off')
fi
mkfifo "$room/output"
cat "$room/output" &
reader=$!
started+=("$reader")
# No la57: the kernel spends its first second on five-level page tables. panic=-1 and -no-reboot: QEMU
# ends when the guest does.
timeout -k 5 "$limit" qemu-system-x86_64 \
    -M pc -cpu max,la57=off -m 1024 "${machine[@]}" \
    -nodefaults -no-user-config -display none -monitor none -no-reboot -nic none \
    -kernel "$cache/vmlinuz" -initrd "$cache/initramfs.cpio" -serial "file:$room/console" \
    -append "console=ttyS0 quiet panic=-1 mitigations=off nokaslr tsc=reliable" \
    -fsdev local,id=root,path=/,security_model=none,readonly=on,multidevs=remap \
    -device virtio-9p-pci,fsdev=root,mount_tag=hostroot \
    -fsdev "local,id=share,path=$room/share,security_model=none" \
    -device virtio-9p-pci,fsdev=share,mount_tag=share \
    -device virtio-serial-pci,id=ports \
    -chardev "file,id=output,path=$room/output" \
    -device virtserialport,bus=ports.0,nr=1,chardev=output \
    </dev/null >"$room/qemu" 2>&1 &
started+=($!)
ended=0
wait $! || ended=$?
: <>"$room/output" # had QEMU not got as far as opening it, the reader would wait
wait "$reader" || true
started=()
if [ ! -e "$room/share/rc" ]; then
    sed 's/^/run-in-vm: qemu: /' "$room/qemu" >&2
    tail -n 20 "$room/console" 2>/dev/null | sed 's/^/run-in-vm: guest: /' >&2
    [ "$ended" != 124 ] || { echo "run-in-vm: stopped after $limit s" >&2; exit 124; }
    exit 125
fi
exit "$(cat "$room/share/rc")"
