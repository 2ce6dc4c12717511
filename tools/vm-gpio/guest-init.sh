#!/bin/busybox sh
# First process of the guest. When it ends, the kernel panics; it was told to reboot on a panic, and
# QEMU to end on a reboot. Without /run/vm/rc the caller knows that the command never finished.
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
for module in /modules/*.ko; do insmod "$module" || echo "insmod $module failed"; done

# The host's root file system, and over it memory for everything that is written.
options=trans=virtio,version=9p2000.L,msize=507904
mount -t 9p -o "$options,ro,cache=loose" hostroot /lower || exit 1
mount -t tmpfs -o mode=755 tmpfs /rw
mkdir /rw/upper /rw/work
mount -t overlay -o lowerdir=/lower,upperdir=/rw/upper,workdir=/rw/work overlay /newroot || exit 1
cd /newroot || exit 1
mkdir -p proc sys dev run
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t devtmpfs dev dev
mkdir -p dev/pts dev/shm
mount -t devpts devpts dev/pts
mount -t tmpfs tmpfs dev/shm
mount -t tmpfs -o mode=755 tmpfs run
mkdir run/vm
mount -t 9p -o "$options,rw,cache=none" share run/vm || exit 1
ln -sf /proc/self/fd dev/fd
ip link set lo up
. run/vm/settings

if [ -n "$PI_REVISION" ]; then
    { cat /proc/cpuinfo; printf 'Revision\t: %s\n' "$PI_REVISION"; } >run/cpuinfo
    mount --bind run/cpuinfo proc/cpuinfo
fi

# Makes the simulated chip $1 with label $2 and 28 lines that are named as on a Pi.
mount -t configfs configfs sys/kernel/config
make_chip() {
    bank=sys/kernel/config/gpio-sim/$1/bank
    mkdir "${bank%/bank}" "$bank"
    echo 28 >"$bank/num_lines"
    echo "$2" >"$bank/label"
    line=0
    while [ "$line" -lt 28 ]; do
        mkdir "$bank/line$line"
        echo "GPIO$line" >"$bank/line$line/name"
        line=$((line + 1))
    done
    echo 1 >"${bank%/bank}/live"
    device=$(cat "${bank%/bank}/dev_name")
    chip=$(cat "$bank/chip_name")
}
# Another chip comes first, as on a Pi, so that whoever counts instead of reading labels goes wrong.
make_chip decoy raspberrypi-exp-gpio
make_chip header "$CHIP_LABEL"
ln -s "$chip" dev/gpiochip99 # as a Pi 5 has gpiochip4 for gpiochip0
{ echo "export VM_GPIO_CHIP=/dev/$chip"
  echo "export VM_GPIO_SYSFS=/sys/devices/platform/$device/$chip"; } >run/vm-env

chroot . /bin/bash /run/vm/command </dev/null >"$(echo dev/vport*p1)" 2>&1
echo "$?" >run/vm/rc
poweroff -f
