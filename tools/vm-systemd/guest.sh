#!/bin/bash
# In the machine of tools/vm-gpio: installs Bot4 and boots systemd as process 1 of a namespace.
#
#   guest.sh CHECKOUT SITE_PACKAGES PYTHON_VERSION    (make test-systemd)
#
# Everything is written to the machine's memory. What look.sh finds comes out on stdout.
set -eu
checkout=$1 packages=$2 version=$3
here=$(dirname "$(readlink -f "$0")")

# The program lies where services may see it.
mkdir -p /opt/bot4/bin "/opt/bot4/lib/python$version/site-packages" /opt/bot4/src
mount --bind "$packages" "/opt/bot4/lib/python$version/site-packages"
mount --bind "$checkout" /opt/bot4/src
ln -s "/usr/bin/python$version" /opt/bot4/bin/python
printf 'home = /usr/bin\nversion = %s\n' "$version" >/opt/bot4/pyvenv.cfg
printf '#!/opt/bot4/bin/python\nimport sys\nfrom bot4.start import main\nsys.exit(main())\n' >/opt/bot4/bin/bot4
chmod 755 /opt/bot4/bin/bot4
export PYTHONPATH=/opt/bot4/src
cd /

/opt/bot4/bin/bot4 install
systemd-sysusers
head -c 32 /dev/urandom >/etc/bot4/link.key
systemd-tmpfiles --create bot4.conf
chgrp gpio /dev/gpiochip*
chmod 660 /dev/gpiochip*

# Nothing of this machine's own boots, only what the units ask for.
units=/etc/systemd/system
rm -rf "$units"/*.wants "$units/default.target" /etc/fstab
for name in /lib/systemd/system/sysinit.target.wants/*.service; do
    case $name in *journald*) ;; *) ln -sf /dev/null "$units/${name##*/}" ;; esac
done
for name in networking keyboard-setup console-setup systemd-networkd systemd-resolved systemd-timesyncd; do
    ln -sf /dev/null "$units/$name.service"
done
# A serial port with nobody at its other end; a Pi's revision; no way to the checkout but the one above.
cat >"$units/port.service" <<END
[Unit]
DefaultDependencies=no
[Service]
Type=notify
NotifyAccess=all
ExecStart=/usr/bin/python3 $here/port.py
END
cat >"$units/look.service" <<END
[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
StandardOutput=file:/run/vm/found
StandardError=file:/run/vm/found
ExecStart=/bin/bash $here/look.sh
END
printf '[Unit]\nDefaultDependencies=no\nRequires=look.service\n' >"$units/look.target"
for name in bot4 bot4-dashboard; do
    mkdir -p "$units/$name.service.d"
    printf '[Service]\nEnvironment=PYTHONPATH=/opt/bot4/src\n' >"$units/$name.service.d/vm.conf"
done
printf '%s\n' TimeoutStartSec=300 'DeviceAllow=char-pts rw' BindPaths=/dev/pts \
    BindReadOnlyPaths=/run/cpuinfo:/proc/cpuinfo >>"$units/bot4.service.d/vm.conf"
mount -t cgroup2 cgroup2 /sys/fs/cgroup
container=bot4 unshare --fork --pid --mount --mount-proc /lib/systemd/systemd --system \
    --unit=look.target --log-target=null --show-status=no </dev/null >/dev/null 2>&1 || true
cat /run/vm/found
