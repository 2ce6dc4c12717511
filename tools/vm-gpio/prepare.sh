#!/bin/bash
# Build what run-in-vm.sh boots: Debian's kernel, and an initramfs with gpio-sim in it.
#
#   prepare.sh CACHE      fills the folder CACHE; says in one line on stderr why it cannot
#
# Debian's kernels leave CONFIG_GPIO_SIM off. The source of the module is in linux-source, and all
# that it needs is exported, bar irq_to_desc() in the interrupt simulator, so that both files build
# unedited as one module outside of the kernel's tree.
set -euo pipefail

here=$(dirname "$(readlink -f "$0")")
cache=$1

die() { echo "vm-gpio: $*" >&2; exit 1; }

install_tools() {
    local tool missing=()
    for tool in qemu-system-x86_64 busybox cpio depmod make xz strip; do
        PATH=$PATH:/usr/sbin:/sbin command -v "$tool" >/dev/null || missing+=("$tool")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    local packages="qemu-system-x86 busybox-static cpio kmod make xz-utils binutils libelf1"
    [ "$(id -u)" = 0 ] || die "missing: ${missing[*]} (as root: apt-get install $packages)"
    echo "vm-gpio: installing $packages" >&2
    # shellcheck disable=SC2086  # a list
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $packages \
        >"$work/install.log" 2>&1 || die "apt-get install failed: $(tail -n 1 "$work/install.log")"
}

# Prints the package name that package $1 depends on and that matches $2.
depends_on() { apt-cache depends "$1" | sed -n "s/^ *Depends: <\?\($2\)>\?$/\1/p" | head -n 1; }

# Kernel, headers and sources of one version, and the compiler that the kernel was built with.
fetch() {
    image=$(depends_on linux-image-amd64 'linux-image-[0-9].*-amd64')
    [ -n "$image" ] || die "apt knows no linux-image-amd64: Debian on amd64 is needed (apt-get update?)"
    release=${image#linux-image-}
    local series version headers=linux-headers-$release compiler
    series=$(cut -d. -f1,2 <<<"$release")
    version=$(apt-cache policy "$image" | sed -n 's/^ *Candidate: //p')
    compiler=$(depends_on "$headers" 'linux-compiler-.*-x86')
    gcc=$(sed -n 's/^linux-compiler-\(gcc-[0-9]*\)-x86$/\1/p' <<<"$compiler")
    gcc=${gcc:-gcc}
    command -v "$gcc" >/dev/null || die "$gcc is missing (as root: apt-get install $gcc)"
    echo "vm-gpio: fetching kernel $release $version, about 215 MB, once" >&2
    mkdir "$work/debs" "$work/root"
    (cd "$work/debs" && apt-get download -q "$image" "$headers" "linux-source-$series=$version" \
        "$(depends_on "$headers" 'linux-headers-.*-common')" \
        "$(depends_on "$headers" 'linux-kbuild-.*')" >"$work/download.log" 2>&1) ||
        die "apt-get download failed: $(tail -n 1 "$work/download.log")"
    local deb
    for deb in "$work"/debs/linux-{image,headers,kbuild}-*.deb; do
        dpkg-deb -x "$deb" "$work/root"
    done
    echo "$release $version" >"$work/kernel"
}

build_module() {
    local headers=$work/root/usr/src/linux-headers-$release module=$work/module
    mkdir "$work/src" "$module"
    dpkg-deb --fsys-tarfile "$work"/debs/linux-source-*.deb |
        tar -xO --wildcards './usr/src/linux-source-*.tar.xz' | xz -dc -T0 |
        tar -x -C "$work/src" --strip-components=1 --wildcards \
            '*/drivers/gpio/gpio-sim.c' '*/drivers/gpio/gpiolib.h' '*/kernel/irq/irq_sim.c'
    cp "$work/src/drivers/gpio/gpio-sim.c" "$module/chip.c"
    cp "$work/src/drivers/gpio/gpiolib.h" "$work/src/kernel/irq/irq_sim.c" "$module/"
    printf '%s\n' '#include <linux/irq.h>' '#include <linux/irqdesc.h>' \
        '#define irq_to_desc(irq) irq_data_to_desc(irq_get_irq_data(irq))' >"$module/exported.h"
    # shellcheck disable=SC2016  # $(src) is for make
    printf '%s\n' 'obj-m := gpio-sim.o' 'gpio-sim-y := chip.o irq_sim.o' \
        'CFLAGS_irq_sim.o += -include $(src)/exported.h' >"$module/Kbuild"
    sed -i "s#^include /usr/src/#include $work/root/usr/src/#" "$headers/Makefile"
    make -s -C "$headers" M="$module" CC="$gcc" modules >"$work/build.log" 2>&1 ||
        die "gpio-sim did not build: $(grep -m 1 -i error "$work/build.log")"
    strip --strip-debug "$module/gpio-sim.ko"
}

build_initramfs() {
    local tree=$work/initramfs module place=0
    mkdir -p "$tree"/{bin,dev,proc,sys,lower,rw,newroot,modules}
    cp "$(command -v busybox)" "$tree/bin/busybox"
    cp "$here/guest-init.sh" "$tree/init"
    chmod 755 "$tree/init"
    depmod -b "$work/root" "$release"
    for module in virtio_pci virtio_console 9pnet_virtio 9p overlay configfs; do
        modprobe -d "$work/root" -S "$release" --show-depends "$module"
    done | awk '$1 == "insmod" && !seen[$2]++ {print $2}' >"$work/modules"
    while read -r module; do
        place=$((place + 1))
        cp "$module" "$(printf '%s/modules/%02d-%s' "$tree" "$place" "${module##*/}")"
    done <"$work/modules"
    cp "$work/module/gpio-sim.ko" "$tree/modules/99-gpio-sim.ko"
    (cd "$tree" && find . | LC_ALL=C sort | cpio -o -H newc --quiet)
}

PATH=$PATH:/usr/sbin:/sbin
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
made_by=$(cat "$here/prepare.sh" "$here/guest-init.sh" | sha256sum)
if [ "$(cat "$cache/made-by" 2>/dev/null)" = "$made_by" ] && command -v qemu-system-x86_64 >/dev/null
then
    exit 0
fi
command -v apt-get >/dev/null || die "no apt-get: the kernel comes from Debian"
work=$(mktemp -d "$cache/build.XXXXXX")
trap 'rm -rf "$work"' EXIT
install_tools
fetch
build_module
build_initramfs >"$work/initramfs.cpio"
mv "$work/root/boot/vmlinuz-$release" "$cache/vmlinuz"
mv "$work/initramfs.cpio" "$work/kernel" "$cache/"
echo "$made_by" >"$cache/made-by"
